/*
 * libcriu: checkpoints and restores processes by asking criu, which does the work.
 *
 *     criu_init_opts();
 *     criu_set_pid(pid);
 *     criu_set_images_dir_fd(open("/var/tmp/images", O_DIRECTORY));
 *     if (criu_dump() < 0)
 *             ...
 *
 * Every function that takes options exists twice. criu_X() works on the options of the process, which criu_init_opts() begins.
 * criu_local_X() works on options of its own, its first argument, which criu_local_init_opts() begins. Threads need options of
 * their own. Options can be used for any number of requests.
 *
 * Texts are copied. A function that returns int answers 0, or what is said beside it, or a negative error:
 *
 *     -EBADE         criu has failed, or refused; errno is the number that it gave, or 0
 *     -ECONNREFUSED  there is no way to criu: no socket, nobody listening
 *     -ECOMM         criu cannot be started, does not answer, or in no way that can be read
 *     -EINVAL        criu does not know such a request; or an argument is missing
 *     -EBADMSG       the answer is one to another request
 *     -ENOMEM        there is no memory
 *     -1             the value of an enumeration, or a structure, that is not known
 *
 * After the first four errno says more. docs/c-api.md has what differs from libcriu elsewhere.
 */
#ifndef CRIU_H
#define CRIU_H

/* Programs that were written for libcriu expect the limits here. */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Levels of the log: criu_set_log_level(). */
#define CRIU_LOG_UNSET (-1)
#define CRIU_LOG_MSG   0
#define CRIU_LOG_ERROR 1
#define CRIU_LOG_WARN  2
#define CRIU_LOG_INFO  3
#define CRIU_LOG_DEBUG 4

/* How criu is reached. */
enum criu_service_comm {
	CRIU_COMM_SK = 0,
	CRIU_COMM_FD = 1,
	CRIU_COMM_BIN = 2
};

/* What becomes of control groups: criu_set_manage_cgroups_mode(). */
enum criu_cg_mode {
	CRIU_CG_MODE_IGNORE = 0,
	CRIU_CG_MODE_NONE,
	CRIU_CG_MODE_PROPS,
	CRIU_CG_MODE_SOFT,
	CRIU_CG_MODE_FULL,
	CRIU_CG_MODE_STRICT,
	CRIU_CG_MODE_DEFAULT = 6
};

/* What holds the traffic of TCP connections: criu_set_network_lock(). */
enum criu_network_lock_method {
	CRIU_NETWORK_LOCK_IPTABLES = 1,
	CRIU_NETWORK_LOCK_NFTABLES = 2,
	CRIU_NETWORK_LOCK_SKIP = 3
};

/* How a pre-dump reads memory: criu_set_pre_dump_mode(). */
enum criu_pre_dump_mode {
	CRIU_PRE_DUMP_SPLICE = 1,
	CRIU_PRE_DUMP_READ = 2
};

/* Features of kernel and criu: criu_feature_check(). */
struct criu_feature_check {
	bool mem_track;
	bool lazy_pages;
	bool pidfd_store;
};

typedef struct criu_opts criu_opts;

/* What a notification brings; see criu_notify_pid(). */
typedef struct criu_notify_arg *criu_notify_arg_t;

/* What is known after a pre-dump. Nothing yet: NULL. */
typedef void *criu_predump_info;

/* Options: begin (0 or -ENOMEM), end. *opts is NULL at first; options that stand there are ended and begun anew. */
int criu_init_opts(void);
int criu_local_init_opts(criu_opts **opts);
void criu_free_opts(void);
void criu_local_free_opts(criu_opts *opts);

/*
 * How criu is reached; the one that was called last counts, and without any it is the program "criu" in PATH.
 *
 * binary: criu is started for each request, by this name; NULL: "criu", looked for in PATH. address: a unix socket of a criu
 * service; NULL: "./criu_service.socket". fd: a connected unix socket of type SOCK_SEQPACKET, which one request uses up: it is
 * closed at its end.
 */
int criu_set_service_binary(const char *path);
int criu_local_set_service_binary(criu_opts *opts, const char *path);
int criu_set_service_address(const char *path);
int criu_local_set_service_address(criu_opts *opts, const char *path);
void criu_set_service_fd(int fd);
void criu_local_set_service_fd(criu_opts *opts, int fd);

/* Whether criu can work here at all. */
int criu_check(void);
int criu_local_check(criu_opts *opts);

/*
 * Dumps the tree below the process of set_pid. Without set_pid the process that calls dumps itself: the answer is 0 where it goes on
 * after the dump (set_leave_running), 1 where it has been restored.
 */
int criu_dump(void);
int criu_local_dump(criu_opts *opts);

/* Writes the memory of a tree that runs on; the next dump, with set_parent_images, writes what has changed. */
int criu_pre_dump(void);
int criu_local_pre_dump(criu_opts *opts);

/*
 * Pre-dumps, and a dump at the end. After each pre-dump "more" is called: positive asks for another one, 0 for the dump, and a
 * negative number ends it all and is answered. It sets the directories of what comes next. set_pid is needed.
 */
int criu_dump_iters(int (*more)(criu_predump_info pi));
int criu_local_dump_iters(criu_opts *opts, int (*more)(criu_predump_info pi));

/* Answers the pid of the restored root, in the eyes of criu. */
int criu_restore(void);
int criu_local_restore(criu_opts *opts);

/*
 * The same, and the root is a child of the process that calls, which can wait for it. criu is started as a program for that,
 * whatever was set: "criu" unless set_service_binary named another one.
 */
int criu_restore_child(void);
int criu_local_restore_child(criu_opts *opts);

/* MAJOR * 10000 + MINOR * 100 + SUBLEVEL of criu. check_version: 1 where it is at least that, else 0. */
int criu_get_version(void);
int criu_local_get_version(criu_opts *opts);
int criu_check_version(int minimum);
int criu_local_check_version(criu_opts *opts, int minimum);

/* Which of the features that are true in the structure criu and kernel have. "size" is that of the structure: sizeof(*features). */
int criu_feature_check(struct criu_feature_check *features, size_t size);
int criu_local_feature_check(criu_opts *opts, struct criu_feature_check *features, size_t size);

/*
 * Notifications: "cb" is called at each stage, and criu waits for it. 0: go on. Anything else is told to criu as a "no", and is what
 * the request answers. notify_pid: the pid that the stage is about, 0 where it is about none. At "orphan-pts-master",
 * get_orphan_pts_master_fd is the master of a terminal; the caller owns it.
 */
void criu_set_notify_cb(int (*cb)(char *action, criu_notify_arg_t na));
void criu_local_set_notify_cb(criu_opts *opts, int (*cb)(char *action, criu_notify_arg_t na));
int criu_notify_pid(criu_notify_arg_t na);
int criu_get_orphan_pts_master_fd(void);

/* What to work on, and where. Numbers of descriptors are those of the process that calls. */
void criu_set_pid(int pid);
void criu_local_set_pid(criu_opts *opts, int pid);
void criu_set_images_dir_fd(int fd);
void criu_local_set_images_dir_fd(criu_opts *opts, int fd);
void criu_set_work_dir_fd(int fd);
void criu_local_set_work_dir_fd(criu_opts *opts, int fd);
int criu_set_parent_images(const char *path);
int criu_local_set_parent_images(criu_opts *opts, const char *path);
int criu_set_root(const char *root);
int criu_local_set_root(criu_opts *opts, const char *root);
int criu_set_config_file(const char *path);
int criu_local_set_config_file(criu_opts *opts, const char *path);
int criu_set_log_file(const char *log_file);
int criu_local_set_log_file(criu_opts *opts, const char *log_file);
void criu_set_log_level(int log_level);
void criu_local_set_log_level(criu_opts *opts, int log_level);

/* What becomes of the tree. */
void criu_set_leave_running(bool leave_running);
void criu_local_set_leave_running(criu_opts *opts, bool leave_running);
void criu_set_shell_job(bool shell_job);
void criu_local_set_shell_job(criu_opts *opts, bool shell_job);
int criu_set_exec_cmd(int argc, char *argv[]);
int criu_local_set_exec_cmd(criu_opts *opts, int argc, char *argv[]);
void criu_set_timeout(unsigned int timeout);
void criu_local_set_timeout(criu_opts *opts, unsigned int timeout);
void criu_set_cpu_cap(unsigned int cap);
void criu_local_set_cpu_cap(criu_opts *opts, unsigned int cap);
void criu_set_unprivileged(bool unprivileged);
void criu_local_set_unprivileged(criu_opts *opts, bool unprivileged);
void criu_set_pidfd_store_sk(int sk);
void criu_local_set_pidfd_store_sk(criu_opts *opts, int sk);
int criu_set_lsm_profile(const char *name);
int criu_local_set_lsm_profile(criu_opts *opts, const char *name);
int criu_set_lsm_mount_context(const char *name);
int criu_local_set_lsm_mount_context(criu_opts *opts, const char *name);

/* Files, and what belongs to them. */
void criu_set_evasive_devices(bool evasive_devices);
void criu_local_set_evasive_devices(criu_opts *opts, bool evasive_devices);
void criu_set_skip_file_rwx_check(bool skip_file_rwx_check);
void criu_local_set_skip_file_rwx_check(criu_opts *opts, bool skip_file_rwx_check);
void criu_set_file_locks(bool file_locks);
void criu_local_set_file_locks(criu_opts *opts, bool file_locks);
void criu_set_force_irmap(bool force_irmap);
void criu_local_set_force_irmap(criu_opts *opts, bool force_irmap);
int criu_add_irmap_path(const char *path);
int criu_local_add_irmap_path(criu_opts *opts, const char *path);
void criu_set_link_remap(bool link_remap);
void criu_local_set_link_remap(criu_opts *opts, bool link_remap);
void criu_set_ghost_limit(unsigned int limit);
void criu_local_set_ghost_limit(criu_opts *opts, unsigned int limit);
void criu_set_orphan_pts_master(bool orphan_pts_master);
void criu_local_set_orphan_pts_master(criu_opts *opts, bool orphan_pts_master);

/* Objects outside the tree. */
int criu_add_external(const char *key);
int criu_local_add_external(criu_opts *opts, const char *key);
int criu_add_inherit_fd(int fd, const char *key);
int criu_local_add_inherit_fd(criu_opts *opts, int fd, const char *key);
void criu_set_ext_unix_sk(bool ext_unix_sk);
void criu_local_set_ext_unix_sk(criu_opts *opts, bool ext_unix_sk);
int criu_add_unix_sk(unsigned int inode);
int criu_local_add_unix_sk(criu_opts *opts, unsigned int inode);
int criu_add_ext_mount(const char *key, const char *val);
int criu_local_add_ext_mount(criu_opts *opts, const char *key, const char *val);
int criu_add_veth_pair(const char *in, const char *out);
int criu_local_add_veth_pair(criu_opts *opts, const char *in, const char *out);

/* Memory. */
void criu_set_track_mem(bool track_mem);
void criu_local_set_track_mem(criu_opts *opts, bool track_mem);
void criu_set_auto_dedup(bool auto_dedup);
void criu_local_set_auto_dedup(criu_opts *opts, bool auto_dedup);
int criu_set_page_server_address_port(const char *address, int port);
int criu_local_set_page_server_address_port(criu_opts *opts, const char *address, int port);
int criu_set_pre_dump_mode(enum criu_pre_dump_mode mode);
int criu_local_set_pre_dump_mode(criu_opts *opts, enum criu_pre_dump_mode mode);

/* TCP and the network. */
void criu_set_tcp_established(bool tcp_established);
void criu_local_set_tcp_established(criu_opts *opts, bool tcp_established);
void criu_set_tcp_skip_in_flight(bool tcp_skip_in_flight);
void criu_local_set_tcp_skip_in_flight(criu_opts *opts, bool tcp_skip_in_flight);
void criu_set_tcp_close(bool tcp_close);
void criu_local_set_tcp_close(criu_opts *opts, bool tcp_close);
int criu_set_network_lock(enum criu_network_lock_method method);
int criu_local_set_network_lock(criu_opts *opts, enum criu_network_lock_method method);
void criu_set_weak_sysctls(bool val);
void criu_local_set_weak_sysctls(criu_opts *opts, bool val);

/* Namespaces and mounts. join_ns_add: "extra_opt" may be NULL. */
int criu_join_ns_add(const char *ns, const char *ns_file, const char *extra_opt);
int criu_local_join_ns_add(criu_opts *opts, const char *ns, const char *ns_file, const char *extra_opt);
void criu_set_empty_ns(int namespaces);
void criu_local_set_empty_ns(criu_opts *opts, int namespaces);
void criu_set_auto_ext_mnt(bool val);
void criu_local_set_auto_ext_mnt(criu_opts *opts, bool val);
void criu_set_ext_sharing(bool val);
void criu_local_set_ext_sharing(criu_opts *opts, bool val);
void criu_set_ext_masters(bool val);
void criu_local_set_ext_masters(criu_opts *opts, bool val);
int criu_add_enable_fs(const char *fs);
int criu_local_add_enable_fs(criu_opts *opts, const char *fs);
int criu_add_skip_mnt(const char *mnt);
int criu_local_add_skip_mnt(criu_opts *opts, const char *mnt);
void criu_set_mntns_compat_mode(bool val);
void criu_local_set_mntns_compat_mode(criu_opts *opts, bool val);

/* Control groups. add_cg_root: "ctrl" may be NULL. */
void criu_set_manage_cgroups(bool manage);
void criu_local_set_manage_cgroups(criu_opts *opts, bool manage);
void criu_set_manage_cgroups_mode(enum criu_cg_mode mode);
void criu_local_set_manage_cgroups_mode(criu_opts *opts, enum criu_cg_mode mode);
int criu_set_freeze_cgroup(const char *name);
int criu_local_set_freeze_cgroup(criu_opts *opts, const char *name);
int criu_add_cg_root(const char *ctrl, const char *path);
int criu_local_add_cg_root(criu_opts *opts, const char *ctrl, const char *path);
int criu_local_add_cg_props(criu_opts *opts, const char *stream);
int criu_local_add_cg_props_file(criu_opts *opts, const char *path);
int criu_local_add_cg_dump_controller(criu_opts *opts, const char *name);
int criu_local_add_cg_yard(criu_opts *opts, const char *path);

#ifdef __cplusplus
}
#endif

#endif
