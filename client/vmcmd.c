/* SPDX-License-Identifier: Apache-2.0 */
/* vmcmd.c - korora vm: the VMs of this host. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/columns.h"
#include "client/commands.h"
#include "client/fwfile.h"
#include "client/listing.h"

#define TEXT_BYTES_MAX	65536u	/* of a definition */

/* The file's absolute path, so that kororad's messages name it. */
static json_t *define_params(const char *file, const char *text)
{
	KR_AUTOFREE char *full = realpath(file, NULL);

	return json_pack("{s:s, s:s}", "text", text, "file",
			 full ? full : file);
}

int kr_vmcmd_define(struct kr_cli *c, int argc, char **argv)
{
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	KR_AUTOFREE char *text = NULL, *with_rules = NULL;
	struct kr_err e = KR_ERR_NONE;
	char name[KR_CELL_BYTES], digest[KR_CELL_BYTES];
	const char *file;
	size_t n;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &file);

	if (r)
		return r;
	r = kr_read_file(file, TEXT_BYTES_MAX, &text, &n);
	if (r) {
		kr_fail(&e, KR_E_CONFIG, "%s: %s", file,
			r == -E2BIG ? "too long" : strerror(-r));
		return kr_cli_fail(c, &e);
	}
	if (strlen(text) != n) {
		kr_fail(&e, KR_E_CONFIG, "%s is not text", file);
		return kr_cli_fail(c, &e);
	}
	if (kr_fwfile_take(file, text, &with_rules, &e))
		return kr_cli_fail(c, &e);
	r = kr_cli_call(c, "vm.define",
			define_params(file, with_rules ? with_rules : text),
			NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (!c->json)
		printf("VM %s is defined\ndigest %s\n",
		       kr_columns_text(j, "name", name),
		       kr_columns_text(j, "digest", digest));
	return 0;
}

int kr_vmcmd_list(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Name", "name", KR_CELL_TEXT },
		{ "State", "state", KR_CELL_TEXT },
		{ "Memory", "memory_mb", KR_CELL_MIB },
		{ "vCPUs", "vcpus", KR_CELL_COUNT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "Peer", "peer", KR_CELL_TEXT },
	};
	return kr_listing_table(c, argc, argv, "vm.list", "vms", cols,
				KR_N(cols), "no VMs are defined");
}

/* Nothing, if it has none. */
static void show_tpm(const json_t *tpm)
{
	static const struct { const char *key, *means; } kept[] = {
		{ "none", "it has no key yet" },
		{ "sealed", "its key is sealed to this host's TPM" },
		{ "unsealed", "its key lies in a file, unprotected" },
	};
	const char *key = json_string_value(json_object_get(tpm, "key"));

	for (size_t i = 0; key && i < KR_N(kept); i++)
		if (!strcmp(kept[i].key, key))
			printf("TPM:       %s, %s; %s\n",
			       json_string_value(json_object_get(tpm,
								 "version")),
			       json_is_true(json_object_get(tpm, "runs")) ?
			       "runs" : "does not run", kept[i].means);
}

int kr_vmcmd_show(struct kr_cli *c, int argc, char **argv)
{
	static const struct kr_column cols[] = {
		{ "Name", "name", KR_CELL_TEXT },
		{ "State", "state", KR_CELL_TEXT },
		{ "Peer", "peer", KR_CELL_TEXT },
		{ "Process", "pid", KR_CELL_COUNT },
		{ "Epoch", "epoch", KR_CELL_COUNT },
		{ "Revision", "revision", KR_CELL_COUNT },
		{ "Digest", "digest", KR_CELL_TEXT },
	};
	KR_AUTO(kr_cli_decref) json_t *j = NULL;
	const char *name, *text;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (!r)
		r = kr_cli_call(c, "vm.show", json_pack("{s:s}", "name", name),
				NULL, NULL, &j);
	if (r)
		return r;
	kr_cli_result(c, j);
	if (c->json)
		return 0;
	kr_columns_card(j, cols, KR_N(cols));
	show_tpm(json_object_get(j, "tpm"));
	text = json_string_value(json_object_get(j, "definition"));
	if (text) {
		printf("Definition:\n");
		kr_columns_block(text);
	}
	return 0;
}

int kr_vmcmd_start(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (r)
		return r;
	return kr_cli_do(c, "vm.start", json_pack("{s:s}", "name", name),
			 "VM %s runs", name);
}

int kr_vmcmd_stop(struct kr_cli *c, int argc, char **argv)
{
	bool force = false;
	const struct kr_option opts[] = {
		{ .name = "force", .flag = &force },
	};
	const char *name;
	int r = kr_cli_args(c, argc, argv, opts, KR_N(opts), 1, 1, &name);

	if (r)
		return r;
	return kr_cli_do(c, "vm.stop",
			 json_pack("{s:s, s:b}", "name", name, "force", force),
			 "VM %s is stopped", name);
}

int kr_vmcmd_remove(struct kr_cli *c, int argc, char **argv)
{
	const char *name;
	int r = kr_cli_args(c, argc, argv, NULL, 0, 1, 1, &name);

	if (r)
		return r;
	return kr_cli_do(c, "vm.remove", json_pack("{s:s}", "name", name),
			 "VM %s is removed; its disks were not touched", name);
}
