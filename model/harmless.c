/* SPDX-License-Identifier: Apache-2.0 */
/* harmless.c - see harmless.h. */
#include "model/harmless.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	/* the compiler's own */
	"_GLOBAL_OFFSET_TABLE_", "__assert_fail", "__errno_location",
	"__stack_chk_fail", "__popcountdi2", "__tls_get_addr", "__asan_*",
	"__ubsan_*", "__tsan_*", "__sanitizer_*", "__sancov_*", "__lsan_*",
	"__start_*", "__stop_*", "*_chk", "__isoc*", "__xpg_basename",
	/* memory, text, numbers, time */
	"malloc", "calloc", "realloc", "free", "aligned_alloc", "mallopt",
	"posix_memalign", "madvise", "mmap", "munmap", "mlock", "explicit_bzero",
	"mem*", "bcmp", "str*", "qsort", "bsearch", "snprintf", "sprintf",
	"vsnprintf", "sscanf", "gmtime_r", "tzset", "clock_gettime", "usleep",
	"nanosleep", "log", "pow", "sqrt", "dirname", "inet_pton", "inet_ntop",
	"gai_strerror", "alarm", "abort", "exit", "_exit", "getenv", "setenv",
	"open_memstream", "getopt_long", "optarg", "optind", "getpid", "sysconf", "pthread_*",
	/* descriptors that it has, and its own standard ones */
	"read", "write", "pread*", "pwrite*", "send", "sendmsg", "recv",
	"recvmsg", "close", "close_range", "dup2", "pipe2", "poll", "epoll_*",
	"eventfd*", "signalfd", "lseek*", "fcntl*", "fsync", "fdatasync",
	"futimens", "flock", "shutdown", "socket", "socketpair", "accept4",
	"getsockname", "getsockopt", "setsockopt", "posix_spawn_file_actions_*",
	"fclose", "fgets", "fwrite", "fputs", "fputc", "fflush", "fprintf",
	"printf", "puts", "putchar", "stderr", "stdout", "memfd_create",
	/* looks, and does nothing */
	"access", "stat*", "fstat*", "opendir", "closedir", "readdir*",
	"rewinddir", "dirfd", "scandir*", "realpath", "getpwnam", "getpwuid",
	"getifaddrs", "freeifaddrs", "if_nametoindex", "getaddrinfo",
	"freeaddrinfo", "getnameinfo", "waitpid",
	/* its own process alone */
	"chdir", "umask", "setsid", "prctl", "setrlimit*", "signal", "sig*",
	"seccomp_*",
	/* libraries, but for what signs and what changes the store */
	"json_*", "sqlite3_bind_*", "sqlite3_busy_timeout", "sqlite3_changes",
	"sqlite3_close_v2", "sqlite3_column_*", "sqlite3_db_config",
	"sqlite3_err*", "sqlite3_extended_result_codes", "sqlite3_finalize",
	"sqlite3_reset", "sqlite3_step", "sqlite3_clear_bindings",
	"ZSTD_*", "LZ4*", "ASN1_*", "BIO_*", "BN_*", "CRYPTO_*", "ECDSA_SIG_*",
	"EC_*", "ENGINE_*", "ERR_*", "EVP_CIPHER*", "EVP_Cipher*", "EVP_Decrypt*",
	"EVP_Encrypt*", "EVP_Digest", "EVP_DigestFinal_ex", "EVP_DigestInit*",
	"EVP_DigestSignInit*", "EVP_DigestUpdate", "EVP_DigestVerify*",
	"EVP_KDF*", "EVP_MAC*", "EVP_MD*", "EVP_PKEY*", "EVP_Q_*", "EVP_aes*",
	"EVP_default*", "EVP_sha*", "GENERAL_NAME*", "HMAC", "OBJ_*",
	"OPENSSL_*", "OSSL_*", "PEM_*", "PKCS8_*", "RAND_*", "SHA256*", "SSL_*",
	"TLS_*", "UI_*", "X509V3_*", "X509_*", "d2i_*", "i2d_*", "alloc_mb_mgr",
	"free_mb_mgr", "init_mb_mgr*", "imb_*", "Tss2_*",
	/* rows that are read */
	"kr_query_row*",
	"*row_get", "*row_each", "*row_fini", "*row_find", "*row_of_vm",
	"*row_with_peer", "*row_unfinished", "*row_last", "*row_note",
	"*row_of", "*row_back", "*row_is_of", "*row_part", "*row_newest",
	"*row_count", "*row_has", "*row_waiting", "*_name",
	"*row_same_question",
};

bool kr_like(const char *pattern, const char *name)
{
	size_t n = strlen(pattern), m = strlen(name);

	if (pattern[0] == '*')
		return m >= n - 1 && !strcmp(name + m - (n - 1), pattern + 1);
	return pattern[n - 1] == '*' ? !strncmp(pattern, name, n - 1) :
				       !strcmp(pattern, name);
}

bool kr_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (kr_like(names[i], name))
			return true;
	/* ours, that are wrapped in nothing and change no row */
	return !strncmp(name, "kr_", 3) && !strstr(name, "row_");
}
