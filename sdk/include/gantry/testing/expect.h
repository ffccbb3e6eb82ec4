/* gantry/testing/expect.h: the least that a unit test needs, in C and C++: EXPECT() and a verdict.
 * Use any test library instead; the fakes beside this do not need it.
 *
 * THREADS    One. */
#ifndef GANTRY_TESTING_EXPECT_H
#define GANTRY_TESTING_EXPECT_H
#include <stdio.h>

static unsigned gantry_expected = 0; /* of this file */
static unsigned gantry_disappointed = 0;

/* Says where and what, and goes on. */
#define EXPECT(condition)                                                     \
  do {                                                                        \
    ++gantry_expected;                                                        \
    if (!(condition)) {                                                       \
      ++gantry_disappointed;                                                  \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                         \
  } while (0)

/* What main() returns: 0 when all was so, and something was asked. */
static inline int expect_verdict(void) {
  printf("%u expectations, %u failed\n", gantry_expected, gantry_disappointed);
  return gantry_disappointed == 0 && gantry_expected > 0 ? 0 : 1;
}
#endif
