/* What prctl sets: names of process and thread (with odd characters), dumpable, the signal on a parent's death, child subreaper, no huge
   pages. The child has its own. "prctls personality" also runs without address randomisation, "prctls mdwe" forbids itself memory that is
   writable and executable, which an engine must do without. */
#include "workload.h"
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif

static void check(const char *name, int dumpable, int death, int subreaper, int no_huge)
{
	char found[17] = "";
	int value = -1;
	CHECK(prctl(PR_GET_NAME, found) == 0 && !strcmp(found, name));
	CHECK(prctl(PR_GET_DUMPABLE) == dumpable);
	CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == death);
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == subreaper);
	CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == no_huge);
}

int main(int argc, char **argv)
{
	int personal = argc > 1 && !strcmp(argv[1], "personality"), mdwe = argc > 1 && !strcmp(argv[1], "mdwe");
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_NAME, "a (b) c: \\d\xe9") == 0);
	if (personal)
		CHECK(personality(ADDR_NO_RANDOMIZE) != -1);
	if (mdwe)
		CHECK(prctl(PR_SET_MDWE, 1, 0, 0, 0) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NAME, "fifteen letters") == 0);
		do
			check("fifteen letters", 0, SIGUSR1, 0, 1);
		while (tick("child"));
		_exit(0);
	}
	say("ready");
	do {
		check("a (b) c: \\d\xe9", 1, 0, 1, 1);
		CHECK(personality(0xffffffff) == (personal ? ADDR_NO_RANDOMIZE : 0) && prctl(PR_GET_MDWE, 0, 0, 0, 0) == mdwe);
	} while (tick("parent"));
	join(pid);
	return done();
}
