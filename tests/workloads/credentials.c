/* Users, groups and capabilities, different in each field: real 1000, effective 1001, saved 1002, groups of its own, a capability that is
   permitted but not effective, an ambient one, a smaller bounding set, securebits, no_new_privs. A thread has other credentials. Needs root. */
#include "workload.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/prctl.h>

static const gid_t groups[] = { 5, 1000, 2345, 70000 };

static void set_caps(uint32_t effective, uint32_t permitted, uint32_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { effective, permitted, inheritable }, { 0, 0, 0 } };
	CHECK(syscall(SYS_capset, &header, data) == 0);
}

static void check_ids(uid_t r, uid_t e, uid_t s)
{
	uid_t uid[3];
	gid_t gid[3], found[8];
	CHECK(getresuid(&uid[0], &uid[1], &uid[2]) == 0 && uid[0] == r && uid[1] == e && uid[2] == s);
	CHECK(getresgid(&gid[0], &gid[1], &gid[2]) == 0 && gid[0] == 1003 && gid[1] == 1004 && gid[2] == 1005);
	CHECK(getgroups(8, found) == 4 && !memcmp(found, groups, sizeof groups));
	CHECK(prctl(PR_GET_SECUREBITS) == (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED));
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void check_caps(uint32_t effective, uint32_t permitted, uint32_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	CHECK(syscall(SYS_capget, &header, data) == 0);
	CHECK(data[0].effective == effective && data[0].permitted == permitted && data[0].inheritable == inheritable);
}

enum { NET = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW, KILL = 1 << CAP_KILL };

static void *thread(void *ready)
{
	CHECK(syscall(SYS_setresuid, 1002, 1002, 1000) == 0);
	set_caps(KILL, KILL, 0);
	pthread_barrier_wait(ready);
	do {
		check_ids(1002, 1002, 1000);
		check_caps(KILL, KILL, 0);
	} while (tick("thread"));
	return 0;
}

int main(void)
{
	pthread_t t;
	pthread_barrier_t ready;
	CHECK(setgroups(4, groups) == 0 && setresgid(1003, 1004, 1005) == 0 && prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT) == 0);
	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED) == 0);
	CHECK(setresuid(1000, 1001, 1002) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	set_caps(KILL, NET | KILL, 1 << CAP_NET_RAW);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0);
	pthread_barrier_init(&ready, 0, 2);
	CHECK(pthread_create(&t, 0, thread, &ready) == 0);
	pthread_barrier_wait(&ready);
	say("ready");
	do {
		check_ids(1000, 1001, 1002);
		check_caps(KILL, NET | KILL, 1 << CAP_NET_RAW);
		CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 1 && prctl(PR_CAPBSET_READ, CAP_SYS_BOOT) == 0);
	} while (tick("main"));
	CHECK(pthread_join(t, 0) == 0);
	return done();
}
