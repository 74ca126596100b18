/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - kororad: one host instance. Starts, takes up what an earlier
 * kororad left, serves, and on SIGTERM leaves every VM running.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "daemon/accept.h"
#include "daemon/api.h"
#include "daemon/link.h"
#include "daemon/vm.h"
#include "store/vmrow.h"

#define ENDING_MS	8000u	/* for migrations to be undone */
#define KR_PRIORITY	(-10)

static void usage(FILE *to)
{
	fputs("usage: kororad [--root DIR] [--fault-list] [--version]\n"
	      "\n"
	      "  --root DIR    this host instance's root; default\n"
	      "                $KORORA_ROOT, else the system's directories\n"
	      "  --fault-list  print the hand-over's numbered fault points\n"
	      "  --version     print the version\n"
	      "\n"
	      "See kororad(8).\n", to);
}

static void fault_list(void)
{
	for (unsigned int n = 1; n <= kr_handover_n_faults(); n++) {
		struct kr_faultpoint f;

		if (kr_handover_fault(n, &f))
			printf("%u\t%s\t%s\t%s\t%s\t%s\n", n,
			       kr_state_side(f.from) == KR_SOURCE ?
			       "source" : "target", kr_state_name(f.from),
			       kr_event_name(f.ev), kr_fault_at_name(f.at),
			       kr_state_name(kr_handover[f.from][f.ev].to));
	}
}

/* Guests that stand still in a migration are set going first. */
static void on_ending(void *arg)
{
	struct kr_host *h = arg;

	if (kr_mig_undoing(h) && kr_now_ns() < h->end_by_ns) {
		kr_timer_arm(h->loop, &h->ending, 20);
		return;
	}
	kr_log(KR_LOG_INFO, "ending; VMs run on");
	h->stopping = true;
	kr_loop_stop(h->loop, 0);
}

static void on_signal(void *arg, uint32_t events)
{
	struct kr_host *h = arg;
	struct signalfd_siginfo si;

	(void)events;
	if (read(h->signals.fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;	/* channels and pidfds tell what it means */
		return;
	}
	if (h->ending.fn)
		return;		/* it is on its way */
	h->ending = (struct kr_timer){ .fn = on_ending, .arg = h };
	h->end_by_ns = kr_now_ns() + ENDING_MS * 1000000ull;
	kr_mig_undo_all(h);
	on_ending(h);
}

static int take_signals(struct kr_host *h, struct kr_err *e)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGPIPE, SIG_IGN);
	h->signals = (struct kr_io){
		.fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK),
		.fn = on_signal, .arg = h,
	};
	if (h->signals.fd < 0)
		return kr_fail(e, KR_E_SYSTEM, "signalfd: %s",
			       strerror(errno));
	return kr_io_add(h->loop, &h->signals, EPOLLIN, e);
}

/* VMs that ran when an earlier kororad ended, and are not migrating. */
static int adopt_vm(void *arg, const struct kr_vmrow *row, struct kr_err *e)
{
	struct kr_host *h = arg;
	struct kr_vmdef def;
	struct kr_vm *v = NULL;
	int r;

	(void)e;
	if (row->state != KR_VM_RUNNING || kr_vm_find(h, row->name))
		return 0;
	r = kr_vmdef_parse(row->name, row->definition,
			   strlen(row->definition), &def, NULL);
	if (!r)
		r = kr_vm_adopt(h, &def, &v, NULL);
	if (!r)
		kr_api_idle_vm(v);
	return 0;
}

#define DEAD_MAX	256u	/* at a time */

struct dead { char names[DEAD_MAX][64]; unsigned int n; };

static int find_dead(void *arg, const struct kr_vmrow *row, struct kr_err *e)
{
	struct dead *d = ((void **)arg)[1];

	(void)e;
	if (row->state == KR_VM_RUNNING &&
	    !kr_vm_find(((void **)arg)[0], row->name) && d->n < DEAD_MAX)
		strcpy(d->names[d->n++], row->name);
	return 0;
}

static int take_up_vms(struct kr_host *h, struct kr_err *e)
{
	static struct dead d;
	void *arg[2] = { h, &d };
	int r = kr_vmrow_each(h->store, adopt_vm, h, e);

	do {
		d.n = 0;
		if (!r)
			r = kr_vmrow_each(h->store, find_dead, arg, e);
		for (unsigned int i = 0; !r && i < d.n; i++)
			kr_api_vm_died(h, d.names[i]);
	} while (!r && d.n == DEAD_MAX);
	if (!r)
		kr_vm_tidy(h);
	if (!r)
		kr_vtpm_sweep(h);
	return r;
}

static int serve(struct kr_host *h, struct kr_err *e)
{
	int r = kr_loop_new(&h->loop, e);

	if (!r)
		r = kr_host_open(h, e);
	if (!r)
		r = take_signals(h, e);
	if (!r)
		r = kr_accept_listen(h, e);
	if (!r)
		r = kr_mig_recover(h, e);
	if (!r)
		r = take_up_vms(h, e);
	if (!r)
		r = kr_api_listen(h, e);
	if (r)
		return r;
	kr_log(KR_LOG_INFO, "host %s listens on %s",
	       kr_identity_name(h->identity), h->cfg.listen);
	kr_loop_run(h->loop);
	kr_timer_off(&h->ending);
	kr_api_fini(h);
	kr_mig_fini(h);
	kr_link_fini(h);
	kr_vm_fini(h);
	kr_host_close(h);
	kr_accept_free(h->accept);
	kr_io_del(&h->signals);
	kr_fd_close(&h->signals.fd);
	kr_loop_free(h->loop);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "fault-list", no_argument, NULL, 'f' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct kr_host h;
	struct kr_err e = KR_ERR_NONE;
	const char *root = getenv("KORORA_ROOT");
	const char *libexec = getenv("KORORA_LIBEXEC");
	char *real = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "r:h", options, NULL)) != -1) {
		switch (o) {
		case 'r':
			root = optarg;
			break;
		case 'f':
			fault_list();
			return 0;
		case 'V':
			puts("kororad " KR_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return KR_EXIT_USAGE;
		}
	}
	kr_log_init("kororad");
	umask(022);
	/* a paused guest waits for kororad and its agents, so nobody else's
	 * guest goes before them; hypervisors get 0 back (spawn.c) */
	setpriority(PRIO_PROCESS, 0, KR_PRIORITY);
	if (root && root[0]) {
		real = realpath(root, NULL);
		if (!real) {
			fprintf(stderr, "kororad: %s: %s\n", root,
				strerror(errno));
			return KR_EXIT_USAGE;
		}
	}
	snprintf(h.root, sizeof(h.root), "%.1900s", real ? real : "");
	free(real);
	snprintf(h.libexec, sizeof(h.libexec), "%.1900s",
		 libexec && libexec[0] ? libexec : KR_LIBEXEC);
	h.api.fd = h.signals.fd = -1;
	if (serve(&h, &e)) {
		const struct kr_code_row *row = kr_code_find(
			(unsigned int)e.kr);

		kr_log_err(KR_LOG_ERROR, row ? row->summary : "failed", &e);
		return row ? (int)row->exit : KR_EXIT_REFUSED;
	}
	return 0;
}
