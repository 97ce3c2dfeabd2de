/* inotify: watches on a directory and on a file, once and for good, with numbers that are not in a row; a second, shared instance. Every round makes events and reads them, without a
   descriptor that would be there for a moment. */
#include "workload.h"
#include <sys/inotify.h>

static int watcher, other, folder_wd, file_wd, after_wd;

static void make(const char *path) { CHECK(mknod(path, S_IFREG | 0644, 0) == 0); }

/* The events of one instance, as bits of their masks, and nothing on a watch that is not ours. */
static unsigned events(int fd, int wd)
{
	char buffer[4096] __attribute__((aligned(8)));
	unsigned found = 0;
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof buffer);
		if (n < 0)
			break;
		for (char *at = buffer; at < buffer + n; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len) {
			struct inotify_event *event = (struct inotify_event *)at;
			CHECK(event->wd == folder_wd || event->wd == file_wd || event->wd == after_wd);
			found |= event->wd == wd ? event->mask : 0;
		}
	}
	CHECK(errno == EAGAIN);
	return found;
}

static void change_file(void) { CHECK(truncate("watched/file", 1) == 0); }

static void change_folder(void)
{
	make("watched/new");
	CHECK(rename("watched/new", "watched/old") == 0 && unlink("watched/old") == 0);
}

/* A watch that is added later, after every dump, gets a number of its own. */
static void watch_briefly(void)
{
	after_wd = inotify_add_watch(watcher, ".", IN_ATTRIB);
	CHECK(after_wd > file_wd && inotify_rm_watch(watcher, after_wd) == 0);
}

/* Events that wait at a dump are lost: what was done is done again. */
static void makes(void (*act)(void), int *wd, unsigned wanted)
{
	unsigned found = 0;
	for (int attempt = 0; attempt < 3 && found != wanted; attempt++) {
		act();
		found |= events(watcher, *wd);
		CHECK((found & ~wanted) == 0);
	}
	CHECK(found == wanted);
}

static void check_round(void)
{
	makes(change_file, &file_wd, IN_MODIFY);
	makes(change_folder, &folder_wd, IN_CREATE | IN_MOVED_FROM | IN_DELETE);
	CHECK(events(other, 0) == 0);
}

int main(void)
{
	CHECK(mkdir("watched", 0755) == 0 && mkdir("apart", 0755) == 0);
	make("watched/file");
	watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	other = inotify_init1(IN_NONBLOCK);
	CHECK(inotify_add_watch(watcher, "apart", IN_OPEN) == 1 && inotify_rm_watch(watcher, 1) == 0);
	folder_wd = inotify_add_watch(watcher, "watched", IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_EXCL_UNLINK);
	CHECK(inotify_add_watch(watcher, "apart", IN_OPEN) == 3 && inotify_rm_watch(watcher, 3) == 0);
	file_wd = inotify_add_watch(watcher, "watched/file", IN_MODIFY);
	after_wd = file_wd;
	char discarded[4096];
	CHECK(folder_wd == 2 && file_wd == 4 && read(watcher, discarded, sizeof discarded) > 0);
	CHECK(inotify_add_watch(other, "apart", IN_DELETE_SELF | IN_ONESHOT) == 1);
	say("ready");
	while (tick("round"))
		check_round();
	makes(watch_briefly, &after_wd, IN_IGNORED);
	return done();
}
