/* The smallest one, linked statically: counts, and keeps each count in a register, on the stack and in memory. */
#include "workload.h"

static volatile long kept = 0;

int main(void)
{
	register long n = 0;
	volatile long on_stack = 0;
	say("ready");
	do {
		CHECK(kept == n && on_stack == -n);
		kept = ++n;
		on_stack = -n;
	} while (tick("count"));
	return done();
}
