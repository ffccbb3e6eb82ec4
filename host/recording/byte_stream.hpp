// The two doors between a recording and the disk. Tests and fuzzers put memory behind them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host::recording {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills as much of `out` as there is; fewer bytes mean the end. Fails with io.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // All of it, or io.
  virtual Status write(std::span<const std::uint8_t> bytes) = 0;
  // Makes what was written durable and gives it its final name. Nothing may follow.
  virtual Status commit() = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

// Appends to a vector of the caller's, which outlives the sink.
class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::vector<std::uint8_t>& bytes) : bytes_(&bytes) {}
  Status write(std::span<const std::uint8_t> bytes) override;
  Status commit() override { return {}; }

 private:
  std::vector<std::uint8_t>* bytes_;
};

// A regular file: a pipe could not be read twice, and might be waited for. Fails with not_found or
// io.
Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path);

// Whether a recording may be written to `path` while `input` (empty: none) is read: nothing is
// there, or a recording that is not the input. Changes nothing. Fails with io.
Status check_target(const std::filesystem::path& path, const std::filesystem::path& input = {});

// A new file beside `path`, named `<path>.partial` (or `.2.partial` and so on: what an earlier run
// left behind is not overwritten), that commit() renames to `path`. Both look with check_target()
// first. Fails with io.
Result<std::unique_ptr<ByteSink>> create_file(const std::filesystem::path& path);

}  // namespace gantry::host::recording
