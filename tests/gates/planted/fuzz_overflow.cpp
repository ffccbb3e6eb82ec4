// Reads behind its input when that starts with a certain word: what the fuzz gate has to find.
#include <cstddef>
#include <cstdint>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto copy = std::make_unique<std::uint8_t[]>(size + 1);
  for (std::size_t index = 0; index < size; ++index) copy[index] = data[index];
  if (size > 3 && copy[0] == 'G' && copy[1] == 'A' && copy[2] == 'N') {
    volatile std::uint8_t behind = copy[size + 1];
    behind = 0;
  }
  return 0;
}
