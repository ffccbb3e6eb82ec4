// A shared library without a manifest, with symbols that keep it from being unloaded. It needs the
// C++ library at every level of optimisation, because it throws.
#include <cstdlib>
#include <stdexcept>

template <class T>
struct __attribute__((visibility("default"))) Counter {
  static inline T value = 0;
};

extern "C" __attribute__((visibility("default"))) int bare_function(const char* text) {
  if (text == nullptr) throw std::runtime_error("no text");
  return Counter<int>::value += std::atoi(text);
}
