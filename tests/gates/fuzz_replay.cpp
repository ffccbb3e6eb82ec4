// Runs a fuzz target without libFuzzer: over every file of a corpus folder, and over seeded
// mutations of them (without a corpus, of noise). Prints the seed; a crash is the failure.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> read_corpus(const char* folder) {
  std::vector<Bytes> corpus;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

Bytes noise(std::size_t size, std::mt19937_64& random) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

void mutate(Bytes& bytes, std::mt19937_64& random) {
  const std::size_t length_max = 4096;
  const std::size_t changes = 1 + random() % 8;
  for (std::size_t change = 0; change < changes; ++change) {
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const auto value = static_cast<std::uint8_t>(random());
    switch (random() % 4) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        if (bytes.size() < length_max) {
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), value);
        }
        break;
      default:
        if (!bytes.empty()) bytes[at] = value;
        break;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::uint64_t seed = std::getenv("GANTRY_SEED") != nullptr
                                 ? std::strtoull(std::getenv("GANTRY_SEED"), nullptr, 10)
                                 : 20201016;
  std::vector<Bytes> corpus;
  if (count > 1) corpus = read_corpus(arguments[1]);
  if (count > 1 && corpus.empty()) {
    std::fprintf(stderr, "%s: the corpus is empty\n", arguments[1]);
    return 1;
  }
  std::printf("seed %llu, %zu inputs\n", static_cast<unsigned long long>(seed), corpus.size());
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (const Bytes& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  std::mt19937_64 random(seed);
  const int rounds = 5000;
  const std::size_t noise_bytes_max = 256;
  Bytes bytes;
  for (int round = 0; round < rounds; ++round) {
    if (round % 16 == 0) {
      bytes = corpus.empty() ? noise(random() % noise_bytes_max, random)
                             : corpus[random() % corpus.size()];
    }
    mutate(bytes, random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  return 0;
}
