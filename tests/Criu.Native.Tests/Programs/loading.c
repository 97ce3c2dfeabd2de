/* loading LIBCRIU LIBSOCCR: loads both libraries as a plugin would, calls them in a thread that ends, and closes them. Prints "done". */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int (*init)(void);
static void *(*pause_socket)(int);
static void (*release)(void *);

static void *call(void *failures)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	void *sk = pause_socket(fd);
	*(int *)failures += init() != 0 || !sk;
	release(sk);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int failures = argc != 3;
	for (int i = 0; i < 3 && !failures; i++) {
		pthread_t thread;
		void *criu = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL), *soccr = dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL);
		if (!criu || !soccr)
			return puts(dlerror()), 1;
		*(void **)&init = dlsym(criu, "criu_init_opts"), *(void **)&pause_socket = dlsym(soccr, "libsoccr_pause"), *(void **)&release = dlsym(soccr, "libsoccr_release");
		pthread_create(&thread, NULL, call, &failures);
		call(&failures);
		dlclose(criu), dlclose(soccr);
		pthread_join(thread, NULL);
	}
	puts(failures ? "failed" : "done");
	return failures;
}
