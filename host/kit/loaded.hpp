// A library under test, mapped and initialised, and instances of it. The kit's own loader: it asks
// more of a library than a host does, and turns every refusal into a Finding.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "gantry/dex.h"
#include "gantry/paymaster.h"
#include "gantry/strategy.h"
#include "host/import/random.hpp"
#include "host/kit/check.hpp"

namespace gantry::host::kit {

// The gantry_host that plugins get: it takes everything and keeps nothing.
const gantry_host* silent_host() noexcept;

// Which value of its range each parameter gets.
enum class Pick : std::int32_t { defaults = 0, least = 1, most = 2, random = 3 };

// The parameters of a manifest as create() wants them. A secret is ${KIT_SECRET}.
class Parameters {
 public:
  Parameters(const Manifest& manifest, Pick pick, Random& random);
  std::vector<gantry_parameter>& rows() { return rows_; }
  const std::vector<gantry_parameter>& rows() const { return rows_; }
  const Manifest& manifest() const { return *manifest_; }

 private:
  void add(const ParameterSchema& schema, Pick pick, Random& random);

  const Manifest* manifest_;
  std::deque<std::string> texts_;
  std::vector<gantry_parameter> rows_;
};

class Loaded {
 public:
  // Maps it and runs init().
  explicit Loaded(const Subject& subject);
  ~Loaded();
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  const gantry_plugin_entry& entry() const { return *entry_; }
  const void* table() const { return table_; }  // of the manifest's kind, without a hole
  const PluginFile& file() const { return file_; }

  // Answers of create() other than GANTRY_OK are Findings, unless `may_refuse`: then null.
  void* create(const Parameters& parameters, bool may_refuse = false);
  void destroy(void* object);
  const void* get_extension(void* object, const char* id) const;

 private:
  const PluginFile& file_;
  void* handle_ = nullptr;
  const gantry_plugin_entry* entry_ = nullptr;
  const void* table_ = nullptr;
};

// An instance with the parameters' defaults.
class Instance {
 public:
  explicit Instance(Loaded& library, Pick pick = Pick::defaults, std::uint64_t seed = 0);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  void* object() const { return object_; }

 private:
  Loaded& library_;
  void* object_;
};

// GANTRY_OK or one of `allowed`; everything else, and first of all a fault that it admits, is a
// Finding. Statuses of sinks that the kit gave are not among them unless they are named.
void expect_status(gantry_status status, std::initializer_list<gantry_status> allowed,
                   const char* call);

// "gantry.dex/1" and so on, and how many functions its table has.
const char* interface_of(PluginKind kind);
std::size_t slots_of(PluginKind kind);

// Bytes in use on the heap, as the C library counts them.
std::uint64_t heap_bytes_in_use() noexcept;

}  // namespace gantry::host::kit
