/* gantry/plugin.h: how a library and the host meet. A library exports one symbol, gantry_plugin,
 * and carries its manifest in the ELF section .gantry_manifest, which the host reads, checks and
 * matches against the operator's TOML before it maps the library at all.
 *
 * LIFE       map -> init -> [create -> calls -> destroy]* -> deinit -> unmap.
 *            Several instances may live at once. Nothing may run before init: no constructors with
 *            effects, no threads ever.
 * STABILITY  SDK 0.1. Frozen. */
#ifndef GANTRY_PLUGIN_H
#define GANTRY_PLUGIN_H
#include "gantry/abi.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
  GANTRY_LOG_DEBUG = 1,
  GANTRY_LOG_INFO = 2,
  GANTRY_LOG_WARNING = 3,
  GANTRY_LOG_ERROR = 4,
  GANTRY_LOG_HOST_MISBEHAVING = 5 /* the host broke this contract */
};

/* What the host offers to a library or an instance, from init() or create() until deinit() or
 * destroy(). All functions are [worker], except where said. */
typedef struct gantry_host {
  void* self;
  gantry_string version; /* of the host, for a log line only */
  /* Logs one line of UTF-8. The host bounds length and rate, and adds who, when and where; what is
   * over a bound is dropped, which is no error. [worker] */
  void (*log)(void* self, int32_t severity, gantry_string message);
  /* Adds to a counter named by the plugin; the host prefixes the instance. Names are bounded to
   * 64 for each instance, more are dropped and counted, which is no error. [worker] */
  void (*count)(void* self, gantry_string name, uint64_t increment);
  /* Records one value of a distribution (a size, a ratio). Never a time: plugins have no clock. A
   * value that is not finite, or a name over the bound, is dropped, which is no error. [worker] */
  void (*observe)(void* self, gantry_string name, double value);
  /* An optional service by id, as "com.vendor.name/1"; null when this host has not got it. The
   * table is the host's and lives as long as this one. Those of Host 0.1 are
   * drafts: see split.h. [worker] */
  const void* (*get_service)(void* self, const char* id);
} gantry_host;

enum {
  GANTRY_PARAMETER_BOOLEAN = 1, /* integer: 0 or 1 */
  GANTRY_PARAMETER_INTEGER = 2,
  GANTRY_PARAMETER_NUMBER = 3,
  GANTRY_PARAMETER_STRING = 4, /* also a choice; a secret arrives as ${NAME}, never its value */
  GANTRY_PARAMETER_AMOUNT = 5  /* 256 bits, smallest unit */
};

/* One parameter, already checked against the manifest's schema; defaults are filled in. */
typedef struct gantry_parameter {
  gantry_string name;
  int32_t type; /* GANTRY_PARAMETER_* */
  int32_t reserved;
  int64_t integer;
  double number;
  gantry_string string;
  gantry_amount amount;
} gantry_parameter;

/* What create() gets. It lasts until create() returns. */
typedef struct gantry_instance_config {
  gantry_string name;  /* of the instance, as in the TOML */
  gantry_string chain; /* CAIP-2 */
  const gantry_parameter* parameters;
  uint32_t parameter_count; /* every parameter of the manifest, in its order */
  uint32_t reserved;
} gantry_instance_config;

#define GANTRY_PLUGIN_MAGIC \
  UINT64_C(0x31595254414E4721) /* "!GNATRY1" in memory; read before anything else */
#define GANTRY_PLUGIN_REVISION 1

/* The exported symbol: `const gantry_plugin_entry gantry_plugin`. Data, not a function, so that
 * reading it runs nothing. */
typedef struct gantry_plugin_entry {
  uint64_t magic;    /* GANTRY_PLUGIN_MAGIC */
  uint32_t revision; /* GANTRY_PLUGIN_REVISION; the host refuses any other */
  uint32_t reserved;
  /* Once after mapping, before anything else; `host` is the host's and lasts until deinit()
   * returns. On any status but GANTRY_OK the library is unmapped, deinit() is not called, and
   * `error`, which the plugin fills, is shown. [main] */
  gantry_status (*init)(const gantry_host* host, gantry_error* error);
  /* Frees what init() took. Once, after the last destroy(); nothing of the library may run or be
   * referenced after. Cannot fail. [main] */
  void (*deinit)(void);
  /* The function table of an interface, as "gantry.dex/1", or null: it is not offered. The table
   * is the plugin's, constant, and lasts until deinit(). The kind in the manifest must be among
   * them. [main] */
  const void* (*get_interface)(const char* id);
} gantry_plugin_entry;

#define GANTRY_PLUGIN_SYMBOL "gantry_plugin"
#define GANTRY_MANIFEST_SECTION ".gantry_manifest"
#define GANTRY_MANIFEST_MAGIC "GANTRYM1" /* then a little-endian uint32_t length, then JSON */

#if defined(__GNUC__)
#define GANTRY_EXPORT __attribute__((visibility("default")))
#else
#define GANTRY_EXPORT
#endif

GANTRY_LAYOUT(gantry_host, 56);
GANTRY_LAYOUT(gantry_parameter, 88);
GANTRY_LAYOUT(gantry_instance_config, 48);
GANTRY_LAYOUT(gantry_plugin_entry, 40);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
