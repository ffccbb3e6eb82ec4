/* Checks the layout of SDK 0.1 field by field, as the compiler of the including file sees it. */
#include <stddef.h>

#include "gantry/dex.h"
#include "gantry/market.h"
#include "gantry/paymaster.h"
#include "gantry/plugin.h"
#include "gantry/state.h"
#include "gantry/strategy.h"

#define STRUCT(type, bytes) static_assert(sizeof(type) == (bytes), #type);
#define FIELD(type, field, offset, bytes)                                                  \
  static_assert(offsetof(type, field) == (offset) && sizeof(((type*)0)->field) == (bytes), \
                #type "." #field);
#define CONSTANT(name, value) static_assert((long long)(name) == (value), #name);
#include "sdk/abi/0.1/layout.inc"
#undef STRUCT
#undef FIELD
#undef CONSTANT
