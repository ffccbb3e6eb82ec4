// The socket's file: its folder, its lock, its mode. Internal to host/api.
#pragma once
#include <filesystem>

#include "host/base/result.hpp"

namespace gantry::host {

// A listening socket's file, removed when the owner goes. The lock beside it says who owns it.
class SocketFile {
 public:
  // Binds and listens. Fails as ControlServer::start.
  static Result<SocketFile> bind(const std::filesystem::path& path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  // Gives the descriptor away; the file stays this object's.
  int release_descriptor();

 private:
  SocketFile() = default;

  std::filesystem::path path_;
  int lock_ = -1;
  int socket_ = -1;
  bool bound_ = false;
};

}  // namespace gantry::host
