// The shipped market, as long as a test wants it.
//
// ERRORS  std::runtime_error, which fails a test.
#pragma once
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"

namespace gantry::test {

// Writes a recording whose blocks after the first come so many times, one after the other, as if
// the chain went through them again: with numbers and times that go on.
inline void write_repeated(const std::filesystem::path& from, const std::filesystem::path& to,
                           std::uint64_t times) {
  using namespace host;
  const auto must = [](const auto& result) {
    if (!result) throw std::runtime_error(result.error().message);
  };
  auto reader = RecordingReader::open(from);
  must(reader);
  std::vector<recording::Record> first;  // up to the second block
  std::vector<recording::Record> later;
  std::uint64_t blocks = 0;
  recording::Block begin;
  recording::Block end;
  while (true) {
    auto record = reader->next();
    must(record);
    if (!*record || std::holds_alternative<recording::End>(**record)) break;
    if (const auto* block = std::get_if<recording::Block>(&**record)) {
      if (++blocks == 1) begin = *block;
      end = *block;
    }
    (blocks < 2 ? first : later).push_back(std::move(**record));
  }
  auto writer = RecordingWriter::create(to, {3, 256U << 10U});
  must(writer);
  for (const auto& record : first) must(writer->append(record));
  for (std::uint64_t i = 0; i < times; ++i) {
    for (recording::Record& record : later) {
      must(writer->append(record));
      if (auto* block = std::get_if<recording::Block>(&record)) {
        block->number += end.number - begin.number;
        block->time_s += end.time_s - begin.time_s;
      }
    }
  }
  must(writer->finish());
}

}  // namespace gantry::test
