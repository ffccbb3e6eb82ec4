/* The layout as C sees it; nothing runs. */
#include "tests/sdk/abi_layout.h"

/* Later interfaces check their own sizes where they are included. */
#include "gantry/pending.h"

int gantry_abi_layout_in_c(void) { return 1; }
