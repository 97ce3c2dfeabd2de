/* threads [N]: N threads compute with vector registers and check them every round, keep thread-local variables, and have a key whose
   destructor must run when they end. The kernel must know each thread by the same number, name and alternative stack. */
#include "workload.h"
#include <immintrin.h>
#include <pthread.h>
#include <sys/prctl.h>

static pthread_key_t key;
static volatile int destroyed;
static pthread_barrier_t all;
static __thread long local = 7, local_zero;

__attribute__((target("avx2"))) static void compute256(long id)
{
	__m256i a = _mm256_set1_epi64x(id), b = _mm256_set1_epi64x(2 * id + 1), c = a, d = b;
	for (int i = 0; i < 100000; i++) {
		a = _mm256_add_epi64(a, b);
		c = _mm256_add_epi64(c, d);
		__asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d));
	}
	__m256i wanted = _mm256_set1_epi64x(id + 100000 * (2 * id + 1));
	CHECK(_mm256_movemask_epi8(_mm256_cmpeq_epi64(a, wanted)) == -1 && _mm256_movemask_epi8(_mm256_cmpeq_epi64(c, wanted)) == -1);
}

__attribute__((target("avx512f"))) static void compute512(long id)
{
	__m512i a = _mm512_set1_epi64(id), b = _mm512_set1_epi64(2 * id + 1);
	__mmask8 odd = 0xaa;
	for (int i = 0; i < 100000; i++) {
		a = _mm512_mask_add_epi64(a, odd, a, b);
		__asm__ volatile("" : "+v"(a), "+v"(b), "+Yk"(odd));
	}
	CHECK(_mm512_cmpeq_epi64_mask(a, _mm512_set1_epi64(id + 100000 * (2 * id + 1))) == 0xaa);
	CHECK(_mm512_cmpeq_epi64_mask(a, _mm512_set1_epi64(id)) == 0x55);
}

static void destroy(void *value)
{
	CHECK((long)value == local);
	__sync_fetch_and_add(&destroyed, 1);
}

static void *work(void *arg)
{
	long id = (long)arg;
	char name[16];
	pid_t tid = gettid();
	snprintf(name, sizeof name, "t%ld", id);
	CHECK(prctl(PR_SET_NAME, name) == 0 && pthread_setspecific(key, (void *)(id + 100)) == 0);
	local = id + 100;
	pthread_barrier_wait(&all);
	do {
		if (__builtin_cpu_supports("avx2"))
			compute256(id);
		if (__builtin_cpu_supports("avx512f"))
			compute512(id);
		CHECK(local == id + 100 && ++local_zero == ticks + 1 && gettid() == tid && (long)pthread_getspecific(key) == local);
	} while (tick(name));
	return arg;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 16;
	pthread_t t[n];
	CHECK(pthread_key_create(&key, destroy) == 0 && pthread_barrier_init(&all, 0, n + 1) == 0);
	for (long i = 0; i < n; i++)
		CHECK(pthread_create(&t[i], 0, work, (void *)i) == 0);
	pthread_barrier_wait(&all);
	say("ready");
	for (long i = 0; i < n; i++) {
		void *result;
		CHECK(pthread_join(t[i], &result) == 0 && result == (void *)i);
	}
	CHECK(destroyed == n);
	return done();
}
