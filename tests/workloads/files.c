/* Descriptors of files: offsets, flags, close-on-exec, a description shared by dup and by a child, two descriptions of one file,
   numbers with holes, a directory, devices, an O_PATH descriptor. Parent and child read records from one shared offset by turns. */
#include "workload.h"

enum { READER = 10, SAME = 11, OTHER = 200, APPEND = 12, DIRECTORY = 13, NIL = 14, ZERO = 15, FULL = 16, PLACE = 17, WRITE_ONLY = 18 };

static void put(int fd, int wanted, int flags)
{
	CHECK(fd >= 0 && dup3(fd, wanted, flags) == wanted && close(fd) == 0);
}

static void set_up(void)
{
	int numbers = open("numbers", O_RDWR | O_CREAT | O_TRUNC, 0640);
	for (int i = 0; i < 100000; i++)
		CHECK(dprintf(numbers, "%07d\n", i) == 8);
	close(numbers);
	put(open("numbers", O_RDONLY), READER, 0);
	CHECK(dup3(READER, SAME, O_CLOEXEC) == SAME);
	put(open("numbers", O_RDWR | O_NOATIME | O_SYNC), OTHER, 0);
	CHECK(lseek(OTHER, 80, SEEK_SET) == 80);
	put(open("appended", O_WRONLY | O_CREAT | O_APPEND, 0600), APPEND, O_CLOEXEC);
	put(open(".", O_RDONLY | O_DIRECTORY), DIRECTORY, 0);
	put(open("/dev/null", O_RDWR), NIL, 0);
	put(open("/dev/zero", O_RDONLY), ZERO, 0);
	put(open("/dev/full", O_WRONLY), FULL, 0);
	put(open("numbers", O_PATH), PLACE, 0);
	put(open("numbers", O_WRONLY | O_NONBLOCK), WRITE_ONLY, 0);
}

static void check(long round)
{
	char record[9] = "", expected[9];
	struct stat a, b;
	snprintf(expected, 9, "%07ld\n", round);
	CHECK(read(round % 2 ? SAME : READER, record, 8) == 8 && !strcmp(record, expected));
	CHECK(lseek(SAME, 0, SEEK_CUR) == 8 * round + 8 && lseek(OTHER, 0, SEEK_CUR) == 80);
	CHECK(fcntl(SAME, F_GETFD) == FD_CLOEXEC && fcntl(READER, F_GETFD) == 0 && fcntl(APPEND, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(OTHER, F_GETFL) & (O_ACCMODE | O_NOATIME | O_SYNC)) == (O_RDWR | O_NOATIME | O_SYNC));
	CHECK((fcntl(APPEND, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND) && write(APPEND, record, 8) == 8);
	CHECK((fcntl(WRITE_ONLY, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK) && (fcntl(PLACE, F_GETFL) & O_PATH));
	CHECK(write(NIL, "x", 1) == 1 && read(ZERO, record, 8) == 8 && record[7] == 0 && write(FULL, "x", 1) == -1 && errno == ENOSPC);
	CHECK(fstatat(DIRECTORY, "appended", &a, 0) == 0 && fstat(APPEND, &b) == 0 && a.st_ino == b.st_ino && a.st_size == 8 * round + 8);
	CHECK(fcntl(19, F_GETFD) == -1 && fcntl(199, F_GETFD) == -1);
}

/* The child answers each number it is sent with the record after it, read from the offset that it shares. */
int main(void)
{
	int ask[2], answer[2];
	long round = 0, back;
	set_up();
	CHECK(pipe(ask) == 0 && pipe(answer) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ask[1]);
		while (read(ask[0], &round, sizeof round) == sizeof round) {
			check(round);
			CHECK(write(answer[1], &round, sizeof round) == sizeof round);
		}
		_exit(0);
	}
	say("ready");
	for (; tick("record"); round += 2) {
		check(round);
		back = round + 1;
		CHECK(write(ask[1], &back, sizeof back) == sizeof back && read(answer[0], &back, sizeof back) == sizeof back && back == round + 1);
	}
	close(ask[1]);
	join(pid);
	return done();
}
