/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes the compiler checks for us; the only file with compiler conditionals. */
#ifndef MAILREEVE_COMPILER_H
#define MAILREEVE_COMPILER_H

#define ATTR_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define ATTR_NORETURN __attribute__((noreturn))
#define MUST_CHECK __attribute__((warn_unused_result))
#define MAYBE_UNUSED __attribute__((unused))

/* Clang's -Wthread-safety reads these; gcc does not know them. */
#if defined(__clang__)
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif
#define CAPABILITY(name) THREAD_ANNOTATION(capability(name))
/* For the reader: in C no compiler can look up a member of the same struct. */
#define GUARDED_BY(lock)
#define REQUIRES(lock) THREAD_ANNOTATION(requires_capability(lock))
#define ACQUIRES(lock) THREAD_ANNOTATION(acquire_capability(lock))
#define RELEASES(lock) THREAD_ANNOTATION(release_capability(lock))
#define NO_THREAD_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
