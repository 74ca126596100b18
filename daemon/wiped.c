/* SPDX-License-Identifier: Apache-2.0 */
/* wiped.c - see wiped.h. Runs in kororad. */
#include "daemon/wiped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "clear/wipemsg.h"
#include "daemon/spawn.h"

#define LOOK_MS	10u

static void end(struct kr_wiping *w, const struct kr_wiped *what,
		const struct kr_err *e)
{
	kr_wiping_stop(w);
	w->done(w->arg, what, e);
}

/* ---- the agent --------------------------------------------------------- */

static int on_wiped(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_wiped what;

	(void)fds, (void)n_fds;
	what.bytes = kr_rd_u64(r);
	what.left = kr_rd_u64(r);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed answer");
	end(arg, &what, NULL);
	return 0;
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	char what[KR_WIPEMSG_WHAT_MAX];
	struct kr_err why = KR_ERR_NONE;

	(void)fds, (void)n_fds;
	kr_rd_str(r, what, sizeof(what));
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed failure");
	kr_fail(&why, KR_E_NOT_WIPED, "%s", what);
	end(arg, NULL, &why);
	return 0;
}

static void on_gone(void *arg, const struct kr_err *e)
{
	end(arg, NULL, e);
}

static const struct kr_grant grants[] = {
	{ KR_WIPEMSG_WIPED, KR_WIPEMSG_BODY_MAX, 0, "wiped", on_wiped },
	{ KR_WIPEMSG_FAIL, KR_WIPEMSG_BODY_MAX, 0, "fail", on_fail },
};

static int open_of(pid_t pid, const char *what, int flags, int *ret_fd,
		   struct kr_err *e)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	*ret_fd = open(path, flags | O_CLOEXEC);
	return *ret_fd >= 0 ? 0 :
	       kr_fail(e, KR_E_NOT_WIPED, "%s: %s", path, strerror(errno));
}

static int order(struct kr_wiping *w, struct kr_err *e)
{
	int fds[KR_WIPEMSG_FDS] = { -1, -1, -1 };
	int r = open_of(w->pid, "maps", O_RDONLY, &fds[0], e);

	if (!r)
		r = open_of(w->pid, "pagemap", O_RDONLY, &fds[1], e);
	if (!r)
		r = open_of(w->pid, "mem", O_RDWR, &fds[2], e);
	if (!r)
		r = kr_spawn_agent(w->host, "korora-wipe", &w->chan, &w->agent,
				   e);
	if (!r)
		r = kr_chan_put_fds(&w->chan, KR_WIPEMSG_WIPE, NULL, fds,
				    KR_WIPEMSG_FDS, e);
	for (unsigned int i = 0; i < KR_WIPEMSG_FDS; i++)
		kr_fd_close(&fds[i]);
	return r;
}

/* ---- when it stands still ---------------------------------------------- */

/* One thread: "PID (NAME) STATE …", and a name may have anything in it. */
static bool stands(pid_t pid, const char *thread)
{
	char path[64], line[512], *state;
	FILE *f;
	bool yes;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", (int)pid,
		 thread);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT;	/* it has just ended */
	yes = fgets(line, sizeof(line), f) && (state = strrchr(line, ')')) &&
	      state[1] == ' ' && state[2] && strchr("TtZX", state[2]);
	fclose(f);
	return yes;
}

static bool all_stand(pid_t pid)
{
	char path[48];
	const struct dirent *t;
	bool yes = true;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		return false;
	while (yes && (t = readdir(d)))
		yes = t->d_name[0] == '.' || stands(pid, t->d_name);
	closedir(d);
	return yes;
}

static void look(void *arg)
{
	struct kr_wiping *w = arg;
	struct kr_err e = KR_ERR_NONE;
	int r = 0;

	if (!all_stand(w->pid)) {
		if (++w->n_looks < KR_WIPING_STOP_MS / LOOK_MS) {
			kr_timer_arm(w->host->loop, &w->stopping, LOOK_MS);
			return;
		}
		r = kr_fail(&e, KR_E_NOT_WIPED, "process %d does not stand "
			    "still", (int)w->pid);
	}
	if (!r)
		r = order(w, &e);
	if (r)
		end(w, NULL, &e);
}

void kr_wiping_start(struct kr_host *h, pid_t pid, struct kr_wiping *w)
{
	w->host = h;
	w->pid = pid;
	w->n_looks = 0;
	w->chan = (struct kr_chan){
		.io.fd = -1, .grants = grants, .gone = on_gone, .arg = w,
		.n_grants = sizeof(grants) / sizeof(grants[0]),
	};
	w->stopping = (struct kr_timer){ .fn = look, .arg = w };
	kr_timer_arm(h->loop, &w->stopping, 0);
}

void kr_wiping_stop(struct kr_wiping *w)
{
	if (!w->host)
		return;
	kr_timer_off(&w->stopping);
	kr_chan_close(&w->chan);
}
