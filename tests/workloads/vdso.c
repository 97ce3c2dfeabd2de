/* Time by the vDSO: it is called directly where the kernel said it is, agrees with the system call, and never goes back over a restore. */
#include "workload.h"
#include <elf.h>
#include <sys/auxv.h>

static int (*vdso_gettime)(clockid_t, struct timespec *);

/* The symbol's address in the vDSO: its dynamic symbol table, by hand. */
static void find(void)
{
	char *base = (char *)getauxval(AT_SYSINFO_EHDR), *strings = 0;
	Elf64_Ehdr *header = (Elf64_Ehdr *)base;
	Elf64_Phdr *program = (Elf64_Phdr *)(base + header->e_phoff);
	Elf64_Sym *symbols = 0;
	CHECK(base && !memcmp(base, ELFMAG, SELFMAG));
	for (int i = 0; i < header->e_phnum; i++)
		if (program[i].p_type == PT_DYNAMIC)
			for (Elf64_Dyn *d = (Elf64_Dyn *)(base + program[i].p_offset); d->d_tag; d++) {
				if (d->d_tag == DT_STRTAB) strings = base + d->d_un.d_ptr;
				if (d->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)(base + d->d_un.d_ptr);
			}
	CHECK(strings && symbols);
	for (Elf64_Sym *s = symbols + 1; (char *)s < strings; s++)
		if (!strcmp(strings + s->st_name, "__vdso_clock_gettime"))
			vdso_gettime = (void *)(base + s->st_value);
	CHECK(vdso_gettime);
}

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000l + t.tv_nsec; }

int main(void)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	int64_t last[3] = { 0 };
	find();
	say("ready");
	do
		for (int i = 0; i < 3; i++) {
			struct timespec before, by_vdso, after;
			CHECK(syscall(SYS_clock_gettime, clocks[i], &before) == 0 && vdso_gettime(clocks[i], &by_vdso) == 0);
			CHECK(syscall(SYS_clock_gettime, clocks[i], &after) == 0);
			CHECK(ns(before) <= ns(by_vdso) && ns(by_vdso) <= ns(after) && (clocks[i] == CLOCK_REALTIME || ns(before) >= last[i]));
			last[i] = ns(after);
		}
	while (tick("time"));
	return done();
}
