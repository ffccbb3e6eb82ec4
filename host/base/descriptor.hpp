// Owns a file descriptor; -1: none.
#pragma once
#include <unistd.h>

#include <utility>

namespace gantry::host {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }
  // Closing may report a failed write: what ::close() says, and 0 where there is nothing to close.
  int close() noexcept { return number_ < 0 ? 0 : ::close(release()); }

 private:
  int number_;
};

}  // namespace gantry::host
