// One byte written behind a heap block, when called with `faulty`.
#include <cstddef>
#include <cstring>
#include <memory>

int main(int count, char** arguments) {
  const bool faulty = count > 1 && std::strcmp(arguments[1], "faulty") == 0;
  const std::size_t size = 32;
  const auto block = std::make_unique<char[]>(size);
  const std::size_t index = size - (faulty ? 0 : 1);
  block[index] = 1;
  return block[0];
}
