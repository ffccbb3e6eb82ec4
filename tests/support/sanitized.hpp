// Whether this test is instrumented: then it is ten times slower, its memory is not the program's,
// and the address space is the sanitizer's, so that no plugin runs in a process of its own.
#pragma once

namespace gantry::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace gantry::test
