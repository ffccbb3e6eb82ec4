#include <stdint.h>
#include <stdlib.h>

#include "gantry/plugin.h"

/* Runs when the library is loaded: a reader that executes anything ends the test program. */
__attribute__((constructor)) static void executed(void) { abort(); }

GANTRY_EXPORT const uint64_t gantry_plugin[5] = {0};
