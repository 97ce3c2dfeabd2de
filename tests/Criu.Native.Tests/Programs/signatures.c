/* Compiles only where the header declares every function as a program expects it, and links only where the library has it. */
#ifdef SOCCR
#include <soccr.h>
#define FUNCTIONS "libsoccr.functions"
_Static_assert(sizeof(struct libsoccr_sk_data) == 17 * 4, "struct libsoccr_sk_data");
_Static_assert(SOCCR_MARK == 0xC114 && SOCCR_FLAGS_WINDOW == 1 && SOCCR_MEM_EXCL == 1 && SOCCR_LOG_ERR == 1 && SOCCR_LOG_DBG == 2, "constants");
#else
#include <criu/criu.h>
#define FUNCTIONS "libcriu.functions"
_Static_assert(sizeof(struct criu_feature_check) == 3, "struct criu_feature_check");
_Static_assert(CRIU_COMM_SK == 0 && CRIU_COMM_FD == 1 && CRIU_COMM_BIN == 2, "enum criu_service_comm");
_Static_assert(CRIU_CG_MODE_IGNORE == 0 && CRIU_CG_MODE_SOFT == 3 && CRIU_CG_MODE_DEFAULT == 6, "enum criu_cg_mode");
_Static_assert(CRIU_NETWORK_LOCK_IPTABLES == 1 && CRIU_NETWORK_LOCK_SKIP == 3, "enum criu_network_lock_method");
_Static_assert(CRIU_PRE_DUMP_SPLICE == 1 && CRIU_PRE_DUMP_READ == 2, "enum criu_pre_dump_mode");
_Static_assert(CRIU_LOG_UNSET == -1 && CRIU_LOG_DEBUG == 4 && CRIU_VERSION_MAJOR == 4 && CRIU_VERSION_MINOR == 2, "constants");
#endif
#include <stdio.h>

#define F(result, name, arguments) result (*p_##name) arguments = name;
#include FUNCTIONS
#undef F

int main(void)
{
	int count = 0;
#define F(result, name, arguments) count += p_##name != 0;
#include FUNCTIONS
	printf("%d\n", count);
	return 0;
}
