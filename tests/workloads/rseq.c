/* Restartable sequences, by the area that glibc registers for each thread: threads add to a counter of the CPU that they are on, each with a
   long critical section and one plain store at its end. A section that is cut off and then goes on, instead of being aborted, overwrites
   what others added on that CPU meanwhile, and the sum is wrong at the end. The kernel must also keep writing the current CPU. */
#include "workload.h"
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>

enum { THREADS = 4, CPUS = 4096 };

static volatile long of_cpu[CPUS], completed;

static struct rseq *area(void) { return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset); }

/* 1 to 2 is the section, 4 its abort handler, with the signature that the kernel wants before it. */
static int add_one(struct rseq_cs *section)
{
	int added = 1;
	__asm__ volatile(
		"leaq 1f(%%rip), %%rax; movq %%rax, 8(%[cs]); leaq 2f(%%rip), %%rcx; subq %%rax, %%rcx; movq %%rcx, 16(%[cs])\n"
		"leaq 4f(%%rip), %%rax; movq %%rax, 24(%[cs]); movq %[cs], %[pointer]\n"
		"1: movl %[cpu], %%edx; movq (%[table],%%rdx,8), %%rax; movl $300000, %%ecx\n"
		"3: decl %%ecx; jnz 3b; incq %%rax; movq %%rax, (%[table],%%rdx,8)\n"
		"2: jmp 5f\n"
		".byte 0x0f, 0xb9, 0x3d; .long 0x53053053\n"
		"4: xorl %[added], %[added]\n"
		"5:"
		: [pointer] "=m"(area()->rseq_cs), [added] "+r"(added)
		: [cs] "r"(section), [cpu] "m"(area()->cpu_id), [table] "r"(of_cpu) : "rax", "rcx", "rdx", "memory", "cc");
	return added;
}

static void *run(void *name)
{
	struct rseq_cs section __attribute__((aligned(32))) = { 0 };
	do
		for (int i = 0; i < 20; i++)
			__sync_fetch_and_add(&completed, add_one(&section));
	while (tick(name));
	return 0;
}

static void check_cpu(void)
{
	cpu_set_t all, one;
	CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
		CHECK((int)__atomic_load_n(&area()->cpu_id, __ATOMIC_RELAXED) == cpu && sched_getcpu() == cpu);
	}
	CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

int main(void)
{
	static char *names[THREADS] = { "t0", "t1", "t2", "t3" };
	pthread_t t[THREADS];
	long sum = 0;
	CHECK(__rseq_size > 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], 0, run, names[i]) == 0);
	say("ready");
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], 0) == 0);
	for (int i = 0; i < CPUS; i++)
		sum += of_cpu[i];
	CHECK(sum == completed && completed > 0);
	check_cpu();
	return done();
}
