// Writes a recording. Until finish() it has a temporary name beside its final one; what was flushed
// before a crash is a readable prefix there.
//
// ERRORS   A record that the reader would refuse (a bound, an unknown handle, a missing header) is
//          refused here with `limit` or `internal`, and the recording goes on without it. A failed
//          write ends the recording: every later call repeats its error.
// THREADS  One at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "host/base/result.hpp"
#include "host/recording/byte_stream.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

struct RecordingWriterOptions {
  int compression_level = 3;              // of zstd, 1 to 19; below 0 for reading: see Compressor
  std::size_t frame_bytes = 256U << 10U;  // uncompressed; a frame is closed when it has as many
};

class RecordingWriter {
 public:
  using Options = RecordingWriterOptions;

  // Fails with io.
  static Result<RecordingWriter> create(const std::filesystem::path& path, Options options = {});
  static Result<RecordingWriter> create(std::unique_ptr<recording::ByteSink> sink,
                                        Options options = {});

  RecordingWriter(RecordingWriter&&) noexcept;
  RecordingWriter& operator=(RecordingWriter&&) noexcept;
  // Without finish(), what was appended is flushed and the temporary name stays.
  ~RecordingWriter();

  // The first must be the Header; End is written by finish(). Fails with limit, internal or io.
  Status append(const recording::Record& record);

  // Closes the frame and hands it to the operating system: it survives the end of this process, not
  // of the machine.
  Status flush();

  // Writes the End record, makes the file durable and gives it its name. Returns what End says.
  Result<recording::End> finish();

 private:
  class State;
  explicit RecordingWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::host
