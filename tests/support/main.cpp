// Catch2's own code, compiled with our flags. Rationale: Debian's library has it without
// sanitizers, and where both define a template, the linker may take the copy whose hand-overs
// nobody sees.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
