// A block that nothing points to at the end, when called with `faulty`.
#include <cstring>
#include <memory>

namespace {
// Not inlined, so that no register or stack slot of main still holds the address at the end.
[[gnu::noinline]] void work(bool faulty) {
  auto block = std::make_unique<int[]>(1000);
  block[1] = 1;
  if (faulty) {
    int* volatile lost = block.release();
    lost = nullptr;
  }
}
}  // namespace

int main(int count, char** arguments) {
  work(count > 1 && std::strcmp(arguments[1], "faulty") == 0);
  return 0;
}
