// A shared library without a manifest, with symbols that keep it from being unloaded.
#include <cstdlib>
#include <string>

template <class T>
struct __attribute__((visibility("default"))) Counter {
  static inline T value = 0;
};

extern "C" __attribute__((visibility("default"))) int bare_function(const char* text) {
  return Counter<int>::value += std::atoi(text) + static_cast<int>(std::to_string(3).size());
}
