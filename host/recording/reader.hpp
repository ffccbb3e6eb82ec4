// Reads a recording record by record, in bounded memory (one frame, and 40 bytes a pool).
//
// ERRORS   A damaged recording gives every record before the damage, then an error that names the
//          byte offset, the frame, the record, the last whole block and the remedy; from then on
//          next() repeats it. A recording that was cut is damaged: only one that ends with its End
//          record, whose counts and digest agree, is whole.
// THREADS  One at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "host/base/result.hpp"
#include "host/recording/byte_stream.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

class RecordingReader {
 public:
  struct Position {
    std::uint64_t byte_offset = 0;  // of the frame being read
    std::uint64_t frame = 0;        // its index, from 0
    std::uint64_t record = 0;       // index of the next record, from 0
    // The last block all of whose records were read: a later block, or End, followed it.
    std::optional<std::uint64_t> last_whole_block;
  };

  // Reads up to the header, which next() then gives first. Fails with not_found, io, or format.
  static Result<RecordingReader> open(const std::filesystem::path& path);
  // `name` is what errors call it.
  static Result<RecordingReader> open(std::unique_ptr<recording::ByteSource> source,
                                      std::string name);

  RecordingReader(RecordingReader&&) noexcept;
  RecordingReader& operator=(RecordingReader&&) noexcept;
  ~RecordingReader();

  [[nodiscard]] const recording::Header& header() const;

  // The next record; the last is End; after it, nothing. Fails with io or format.
  Result<std::optional<recording::Record>> next();

  [[nodiscard]] const Position& position() const;

  // Records of a type that this version does not know, and that their writer marked as optional.
  [[nodiscard]] std::uint64_t skipped_records() const;

 private:
  class State;
  explicit RecordingReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::host
