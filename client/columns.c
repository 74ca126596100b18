/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns.c - see columns.h. Everything printed here passed through
 * kr_human_clean(): names and messages may come from another host.
 */
#include "client/columns.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/human.h"

const char *kr_columns_cell(const json_t *row, const struct kr_column *c,
			    char out[KR_CELL_BYTES])
{
	const json_t *v = json_object_get(row, c->key);
	double num = json_number_value(v);
	char h[KR_HUMAN_BYTES];

	if (!v || json_is_null(v))
		snprintf(out, KR_CELL_BYTES, "-");
	else if (json_is_string(v))
		kr_human_clean(*json_string_value(v) ? json_string_value(v)
						     : "-",
			       out, KR_CELL_BYTES);
	else if (json_is_boolean(v))
		snprintf(out, KR_CELL_BYTES, "%s",
			 json_is_true(v) ? "yes" : "no");
	else if (!json_is_number(v))
		snprintf(out, KR_CELL_BYTES, "?");
	else if (c->cell == KR_CELL_SIZE)
		snprintf(out, KR_CELL_BYTES, "%s", kr_human_size(num, h));
	else if (c->cell == KR_CELL_RATE)
		snprintf(out, KR_CELL_BYTES, "%s/s", kr_human_size(num, h));
	else if (c->cell == KR_CELL_MIB)
		snprintf(out, KR_CELL_BYTES, "%s",
			 kr_human_size(num * 1048576, h));
	else if (c->cell == KR_CELL_SPAN)
		snprintf(out, KR_CELL_BYTES, "%s", kr_human_span(num, h));
	else if (c->cell == KR_CELL_TIME)
		snprintf(out, KR_CELL_BYTES, "%s",
			 kr_human_time(json_integer_value(v), h));
	else if (json_is_integer(v))
		snprintf(out, KR_CELL_BYTES, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(v));
	else
		snprintf(out, KR_CELL_BYTES, "%.1f", num);
	return out;
}

static int is_right(enum kr_cell c)
{
	return c == KR_CELL_COUNT || c == KR_CELL_SIZE || c == KR_CELL_RATE ||
	       c == KR_CELL_MIB || c == KR_CELL_SPAN;
}

static void put(const char *text, size_t width, int right, int last)
{
	size_t w = kr_human_width(text);
	int pad = w < width ? (int)(width - w) : 0;

	if (right)
		printf("%*s%s", pad, "", text);
	else if (last)
		printf("%s", text);
	else
		printf("%s%*s", text, pad, "");
	printf(last ? "\n" : "  ");
}

static void short_cell(const json_t *row, const struct kr_column *c,
		       char out[KR_CELL_BYTES])
{
	kr_columns_cell(row, c, out);
	if (c->cell == KR_CELL_ID && strlen(out) > KR_CELL_ID_CHARS)
		out[KR_CELL_ID_CHARS] = '\0';
}

void kr_columns_table(const json_t *rows, const struct kr_column *cols,
		      size_t n_cols, const char *empty)
{
	size_t width[KR_COLUMNS_MAX], n_rows = json_array_size(rows);
	char text[KR_CELL_BYTES];

	assert(n_cols <= KR_COLUMNS_MAX);
	if (!n_rows) {
		printf("%s\n", empty);
		return;
	}
	for (size_t c = 0; c < n_cols; c++) {
		width[c] = strlen(cols[c].head);
		for (size_t r = 0; r < n_rows; r++) {
			size_t w;

			short_cell(json_array_get(rows, r), &cols[c], text);
			w = kr_human_width(text);
			width[c] = w > width[c] ? w : width[c];
		}
	}
	for (size_t c = 0; c < n_cols; c++) {
		snprintf(text, sizeof(text), "%s", cols[c].head);
		for (char *s = text; *s; s++)
			*s = (char)toupper((unsigned char)*s);
		put(text, width[c], is_right(cols[c].cell), c + 1 == n_cols);
	}
	for (size_t r = 0; r < n_rows; r++)
		for (size_t c = 0; c < n_cols; c++) {
			short_cell(json_array_get(rows, r), &cols[c], text);
			put(text, width[c], is_right(cols[c].cell),
			    c + 1 == n_cols);
		}
}

void kr_columns_card(const json_t *row, const struct kr_column *cols,
		     size_t n_cols)
{
	char text[KR_CELL_BYTES];
	size_t width = 0;

	for (size_t c = 0; c < n_cols; c++)
		if (strlen(cols[c].head) > width)
			width = strlen(cols[c].head);
	for (size_t c = 0; c < n_cols; c++) {
		if (!json_object_get(row, cols[c].key))
			continue;
		kr_columns_cell(row, &cols[c], text);
		printf("%s%s%*s%s\n", cols[c].head, *cols[c].head ? ":" : " ",
		       (int)(width + 2 - strlen(cols[c].head)), "", text);
	}
}

bool kr_columns_alike(const json_t *a, const json_t *b,
		      const struct kr_column *cols, size_t n_cols)
{
	size_t n_rows = json_array_size(a);
	char x[KR_CELL_BYTES], y[KR_CELL_BYTES];

	if (json_array_size(b) != n_rows)
		return false;
	for (size_t r = 0; r < n_rows; r++)
		for (size_t c = 0; c < n_cols; c++) {
			kr_columns_cell(json_array_get(a, r), &cols[c], x);
			kr_columns_cell(json_array_get(b, r), &cols[c], y);
			if (strcmp(x, y))
				return false;
		}
	return true;
}

const char *kr_columns_text(const json_t *row, const char *key,
			    char out[KR_CELL_BYTES])
{
	return kr_columns_cell(row, &(struct kr_column){ .key = key }, out);
}

void kr_columns_block(const char *text)
{
	char line[KR_CELL_BYTES], clean[KR_CELL_BYTES];

	while (*text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s",
			 (int)(n < sizeof(line) ? n : sizeof(line) - 1), text);
		for (char *s = line; *s; s++)
			if (*s == '\t')
				*s = ' ';
		printf("  %s\n", kr_human_clean(line, clean, sizeof(clean)));
		text += n + (text[n] == '\n');
	}
}
