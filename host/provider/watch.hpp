// Checks the providers of a board when they are due: the chain, the newest block, and once whether
// a block can be named by its hash. Internal to host/provider.
#pragma once
#include <atomic>
#include <memory>
#include <thread>

#include "host/ports/http.hpp"
#include "host/provider/board.hpp"

namespace gantry::host::provider {

class Watch {
 public:
  // The port outlives it.
  Watch(std::shared_ptr<Board> board, HttpPool& http);
  ~Watch();  // of a board that is stopped
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::thread thread_;
};

}  // namespace gantry::host::provider
