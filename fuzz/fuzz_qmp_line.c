/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_qmp_line.c - what QEMU writes, in pieces of the first byte's size. */
#include <assert.h>
#include <string.h>

#include "hyper/qmpline.h"
#include "hyper/qmpvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct kr_qmpline_msg *m)
{
	char text[KR_QMPVM_TEXT_BYTES], version[64];
	struct kr_hyper_status s;

	if (m->text)
		kr_qmpvm_text(m->text, text);
	kr_qmpvm_version(m->body, version);
	kr_qmpvm_stats(m->body, &s);
	kr_qmpvm_run(json_string_value(json_object_get(m->body, "status")));
	assert(kr_qmpvm_when(m->wall_us, 1, 2) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t piece = n ? data[0] + 1u : 1;
	struct kr_err e = KR_ERR_NONE;
	struct kr_qmpline_msg m;
	struct kr_qmpline q;
	int r = 0;

	if (!n || kr_qmpline_init(&q, &e))
		return 0;
	data++;
	n--;
	while (n && r >= 0) {
		size_t room, k = n < piece ? n : piece;
		char *to = kr_qmpline_room(&q, &room);

		assert(room);
		if (k > room)
			k = room;
		memcpy(to, data, k);
		kr_qmpline_added(&q, k);
		data += k;
		n -= k;
		while ((r = kr_qmpline_next(&q, &m, &e)) > 0) {
			use(&m);
			json_decref(m.root);
		}
	}
	assert(r >= 0 || e.kr == KR_E_QMP_MALFORMED);
	kr_qmpline_fini(&q);
	return 0;
}
