// A shared library without a manifest, and with a symbol that keeps it from being unloaded.
#include <string>

template <class T>
struct Counter {
  static inline T value = 0;
};

extern "C" __attribute__((visibility("default"))) int bare_function(int by) {
  return Counter<int>::value += by + static_cast<int>(std::to_string(by).size());
}
template struct __attribute__((visibility("default"))) Counter<int>;
