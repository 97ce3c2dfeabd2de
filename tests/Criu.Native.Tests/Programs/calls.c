/* calls WORD...: does one call of libcriu after the other, as the words say, and prints what each request answers. "local" makes options of their own;
   without it the words work on those of the process. */
#include <criu/criu.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static criu_opts *own;
static int restored, rounds, refused;
static const char *no = "";

#define CALL(name, ...) (own ? criu_local_##name(own, ##__VA_ARGS__) : criu_##name(__VA_ARGS__))
#define SAY(name, ...) do { errno = 0; int result = CALL(name, ##__VA_ARGS__); int error = errno; \
	if (result >= 0) printf(#name " = %d\n", result); else printf(#name " = %d, errno %d\n", result, error); fflush(stdout); last = result; } while (0)

/* "no=ACTION" refuses that stage. */
static int notify(char *action, criu_notify_arg_t argument)
{
	int terminal = criu_get_orphan_pts_master_fd();
	printf("%s pid %d%s\n", action, criu_notify_pid(argument), terminal >= 0 && fcntl(terminal, F_GETFD) >= 0 ? ", terminal" : "");
	fflush(stdout);
	return strcmp(action, no) == 0 ? refused : 0;
}

/* "rounds=N" has so many pre-dumps; a negative number stops at once. */
static int more(criu_predump_info info)
{
	printf("more%s\n", info ? " with information" : "");
	return rounds < 0 ? rounds : --rounds > 0;
}

/* "ask=TEXT" types a line at the terminal that was handed over, and prints the answer. */
static void ask(int terminal, const char *text)
{
	char answer[200];
	int have = 0, n;
	dprintf(terminal, "%s\n", text);
	while (have < (int)sizeof(answer) - 1 && (n = read(terminal, answer + have, 1)) == 1 && answer[have++] != '\n')
		;
	answer[have] = 0;
	printf("answer = %s", answer);
	fflush(stdout);
}

static int reach(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		perror(path);
	return fd;
}

static void all_options(void)
{
	char *command[] = { "program", "argument" };
	CALL(set_pid, 5), CALL(set_images_dir_fd, 6), CALL(set_work_dir_fd, 7), CALL(set_parent_images, "parent"), CALL(set_leave_running, true);
	CALL(set_ext_unix_sk, true), CALL(add_unix_sk, 99), CALL(add_unix_sk, 4000000000u), CALL(set_tcp_established, true), CALL(set_tcp_skip_in_flight, true);
	CALL(set_tcp_close, true), CALL(set_weak_sysctls, true), CALL(set_evasive_devices, true), CALL(set_shell_job, true), CALL(set_skip_file_rwx_check, true);
	CALL(set_unprivileged, true), CALL(set_orphan_pts_master, true), CALL(set_file_locks, true), CALL(set_track_mem, true), CALL(set_auto_dedup, true);
	CALL(set_force_irmap, true), CALL(set_link_remap, true), CALL(set_log_level, CRIU_LOG_DEBUG), CALL(set_log_file, "log"), CALL(set_cpu_cap, 0xffffffff);
	CALL(set_root, "/root"), CALL(set_manage_cgroups, true), CALL(set_manage_cgroups_mode, CRIU_CG_MODE_SOFT), CALL(set_freeze_cgroup, "/frozen");
	CALL(set_lsm_profile, "profile"), CALL(set_lsm_mount_context, "context"), CALL(set_timeout, 9), CALL(set_auto_ext_mnt, true), CALL(set_ext_sharing, true);
	CALL(set_ext_masters, true), CALL(set_exec_cmd, 1, command), CALL(set_exec_cmd, 2, command), CALL(add_ext_mount, "key", "value"), CALL(add_veth_pair, "in", "out");
	CALL(add_cg_root, "cpu", "/group"), CALL(add_cg_root, NULL, "/other"), CALL(add_enable_fs, "fs"), CALL(add_skip_mnt, "/skipped"), CALL(set_ghost_limit, 77);
	CALL(add_irmap_path, "/watched"), CALL(add_inherit_fd, 3, "pipe"), CALL(add_external, "mnt[1]"), CALL(set_page_server_address_port, "old", -1);
	CALL(set_page_server_address_port, "127.0.0.1", 99), CALL(set_pre_dump_mode, CRIU_PRE_DUMP_READ), CALL(set_pidfd_store_sk, 4);
	CALL(set_network_lock, CRIU_NETWORK_LOCK_NFTABLES), CALL(join_ns_add, "net", "/net", NULL), CALL(join_ns_add, "user", "/user", "1,2");
	CALL(set_mntns_compat_mode, true), CALL(set_config_file, "/config"), CALL(set_empty_ns, 0x40000000);
	if (own) {
		criu_local_add_cg_props(own, "properties"), criu_local_add_cg_props_file(own, "file");
		criu_local_add_cg_dump_controller(own, "cpu"), criu_local_add_cg_dump_controller(own, "memory"), criu_local_add_cg_yard(own, "/yard");
	}
}

/* Values that are not known, and texts that are not there. */
static void wrong_options(void)
{
	int last;
	SAY(set_pre_dump_mode, 9);
	SAY(set_network_lock, 0);
	SAY(join_ns_add, NULL, "/net", NULL);
	SAY(join_ns_add, "net", NULL, NULL);
	SAY(set_log_file, NULL);
	SAY(add_ext_mount, NULL, "value");
	SAY(feature_check, NULL, 0);
	struct criu_feature_check features = { false, false, false };
	SAY(feature_check, &features, sizeof(features) + 1);
	(void)last;
}

int main(int argc, char **argv)
{
	int last = 0;
	struct criu_feature_check features = { true, false, true };
	criu_init_opts();
	for (int i = 1; i < argc; i++) {
		char *word = argv[i], *value = strchr(word, '=');
		if (value)
			*value++ = 0;
#define WORD(text) (strcmp(word, text) == 0)
		if (WORD("local")) criu_local_init_opts(&own);
		else if (WORD("binary")) CALL(set_service_binary, *value ? value : NULL);
		else if (WORD("address")) CALL(set_service_address, *value ? value : NULL);
		else if (WORD("fd")) CALL(set_service_fd, reach(value));
		else if (WORD("number")) CALL(set_service_fd, atoi(value));
		else if (WORD("images")) CALL(set_images_dir_fd, open(value, O_DIRECTORY));
		else if (WORD("pid")) CALL(set_pid, atoi(value));
		else if (WORD("log")) CALL(set_log_file, value), CALL(set_log_level, CRIU_LOG_DEBUG);
		else if (WORD("leave")) CALL(set_leave_running, true);
		else if (WORD("usual")) CALL(set_leave_running, true), CALL(set_ext_unix_sk, true), CALL(set_tcp_established, true), CALL(set_evasive_devices, true),
			CALL(set_shell_job, true), CALL(set_file_locks, true);
		else if (WORD("options")) all_options();
		else if (WORD("wrong")) wrong_options();
		else if (WORD("off")) CALL(set_leave_running, true), CALL(set_leave_running, false), CALL(set_log_level, 1), CALL(set_log_level, CRIU_LOG_UNSET);
		else if (WORD("notify")) CALL(set_notify_cb, notify);
		else if (WORD("orphan")) CALL(set_orphan_pts_master, true);
		else if (WORD("ask")) ask(criu_get_orphan_pts_master_fd(), value);
		else if (WORD("no")) no = value, refused = -7;
		else if (WORD("rounds")) rounds = atoi(value);
		else if (WORD("check")) SAY(check);
		else if (WORD("dump")) SAY(dump);
		else if (WORD("predump")) SAY(pre_dump);
		else if (WORD("iterations")) SAY(dump_iters, more);
		else if (WORD("restore")) SAY(restore);
		else if (WORD("child")) { SAY(restore_child); restored = last; }
		else if (WORD("version")) SAY(get_version);
		else if (WORD("least")) SAY(check_version, atoi(value));
		else if (WORD("features")) { SAY(feature_check, &features, sizeof(features)); printf("%d%d%d\n", features.mem_track, features.lazy_pages, features.pidfd_store); }
		else if (WORD("kill")) kill(restored, atoi(value));
		else if (WORD("wait")) { int status; printf("wait = %d, ", waitpid(restored, &status, 0) == restored); printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)); }
		else return fprintf(stderr, "unknown word %s\n", word), 2;
	}
	criu_local_free_opts(own);
	criu_free_opts();
	criu_free_opts();
	return 0;
}
