// zstd, for one frame at a time. The context is kept from frame to frame.
#pragma once
#include <memory>

#include "host/base/result.hpp"
#include "host/recording/format.hpp"

namespace gantry::host::recording {

class Compressor {
 public:
  // Of zstd, 1 to 19; below 0: of that size, for what is read more often than written.
  explicit Compressor(int level);
  ~Compressor();
  // Replaces `out`. Returns false, and leaves `out` as it likes, when that would not be smaller; at
  // levels below 0, not smaller by a quarter.
  Result<bool> compress(ByteView raw, Bytes& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  int level_;
};

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  // Replaces `out` by exactly `raw_bytes` bytes, which the caller has checked against its bound.
  // Fails with format when `stored` is damaged, or is longer or shorter than that.
  Status decompress(ByteView stored, std::size_t raw_bytes, Bytes& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace gantry::host::recording
