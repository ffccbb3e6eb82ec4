#include "host/recording/compression.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <cstdlib>

namespace gantry::host::recording {

struct Compressor::Context {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{ZSTD_createCCtx(), &ZSTD_freeCCtx};
};

Compressor::Compressor(int level) : context_(std::make_unique<Context>()), level_(level) {}
Compressor::~Compressor() = default;

Result<bool> Compressor::compress(ByteView raw, Bytes& out) {
  out.resize(ZSTD_compressBound(raw.size()));
  const std::size_t size = ZSTD_compressCCtx(context_->zstd.get(), out.data(), out.size(),
                                             raw.data(), raw.size(), std::abs(level_));
  if (ZSTD_isError(size) != 0) {
    return fail(ErrorKind::internal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  }
  out.resize(size);
  // What is made for reading costs time wherever it is compressed: a quarter has to be saved.
  return size < (level_ < 0 ? raw.size() / 4 * 3 : raw.size());
}

struct Decompressor::Context {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {}
Decompressor::~Decompressor() = default;

Status Decompressor::decompress(ByteView stored, std::size_t raw_bytes, Bytes& out) {
  // Before the memory is taken: zstd's own head says how much it will be.
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != raw_bytes) {
    return fail(ErrorKind::format, "the frame's two sizes do not agree");
  }
  out.resize(raw_bytes);
  // One call into a buffer of that size: no window is allocated, and it cannot grow beyond it.
  const std::size_t size = ZSTD_decompressDCtx(context_->zstd.get(), out.data(), out.size(),
                                               stored.data(), stored.size());
  if (ZSTD_isError(size) != 0) {
    return fail(ErrorKind::format,
                fmt::format("the frame does not decompress: {}", ZSTD_getErrorName(size)));
  }
  if (size != raw_bytes) {
    return fail(ErrorKind::format, "the frame decompresses to fewer bytes than it claims");
  }
  return {};
}

}  // namespace gantry::host::recording
