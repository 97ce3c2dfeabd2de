/* sequence: a thread spins in a restartable sequence as long as a word is as it was at the sequence's start. Whoever changes the word while the thread is held
   must have the sequence aborted: it would see the change otherwise. Standard output says where the word lies and where the sequence begins and ends. */
#include "workload.h"
#include <sys/rseq.h>

static volatile long word;
extern char section_start[], section_end[];

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* 0 after an abort, 1 when it saw the word change. */
__attribute__((noinline, noclone)) static int spin(struct rseq *rs)
{
	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n"
		".balign 32\n"
		"0: .long 0, 0\n"
		".quad section_start, section_end - section_start, 4f\n"
		".popsection\n"
		"leaq 0b(%%rip), %%rax\n"
		"movq %%rax, %[cs]\n"
		".globl section_start, section_end\n"
		"section_start:\n"
		"movq %[word], %%rdx\n"
		"1: cmpq %[word], %%rdx\n"
		"je 1b\n"
		"section_end:\n"
		"jmp %l[changed]\n"
		".long 0x53053053\n"                        /* RSEQ_SIG, before the abort handler */
		"4: jmp %l[aborted]\n"
		: : [cs] "m"(rs->rseq_cs), [word] "m"(word) : "rax", "rdx", "memory" : changed, aborted);
changed:
	return 1;
aborted:
	return 0;
}

int main(void)
{
	CHECK(__rseq_size > 0);
	say("word %p", (void *)&word);
	say("section %p %p", (void *)section_start, (void *)section_end);
	say("ready");
	for (long seen = 0;;) {
		CHECK(spin(area()) == 0);
		while (seen < word)
			say("aborted %ld", ++seen);
	}
}
