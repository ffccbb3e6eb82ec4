# What ./dev run builds, and what is installed.
# The program and every plugin of this repository: what ./dev run builds.
function(gantry_collect_modules folder result)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  set(modules "")
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL MODULE_LIBRARY)
      list(APPEND modules ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below IN LISTS folders)
    gantry_collect_modules(${below} more)
    list(APPEND modules ${more})
  endforeach()
  set(${result} "${modules}" PARENT_SCOPE)
endfunction()
gantry_collect_modules(${PROJECT_SOURCE_DIR}/plugins gantry_modules)
add_custom_target(gantry_run)
add_dependencies(gantry_run gantry ${gantry_modules})

# Two components, each a .deb:
#   sdk   headers, find_package(gantry-sdk), the crate, the templates. Source only: for any compiler.
#   host  the program, the plugins that ship with it, and the configuration.
include(GNUInstallDirs)

# One place for every architecture, where find_package looks under any prefix.
install(DIRECTORY sdk/include/ DESTINATION include COMPONENT sdk)
install(DIRECTORY sdk/cmake/ DESTINATION share/cmake/gantry-sdk COMPONENT sdk)
install(DIRECTORY sdk/template sdk/rust DESTINATION share/gantry-sdk COMPONENT sdk
  PATTERN tests EXCLUDE PATTERN target EXCLUDE)
# What `gantry plugin new` puts into a project, which then needs no SDK installed.
install(DIRECTORY sdk/include sdk/cmake sdk/template sdk/rust DESTINATION share/gantry/sdk
  COMPONENT host PATTERN tests EXCLUDE PATTERN target EXCLUDE)

install(TARGETS gantry RUNTIME DESTINATION bin COMPONENT host)
install(TARGETS ${gantry_modules} LIBRARY DESTINATION lib/gantry/plugins COMPONENT host)
# The shipped configuration, with its paths as they are once installed: below a prefix of its own,
# and below /usr with the configuration in /etc.
foreach(file IN ITEMS gantry.toml live/gantry.toml)
  file(READ config/${file} configuration)
  foreach(kind IN ITEMS prefix usr)
    set(up ../..)
    if(kind STREQUAL usr)
      set(up ../../usr)
    endif()
    string(REPLACE "../build/release/plugins" "${up}/lib/gantry/plugins" text "${configuration}")
    string(REPLACE "../data/" "${up}/share/gantry/data/" text "${text}")
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/config/${kind}/${file} CONTENT "${text}")
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS config/${file})
endforeach()
install(CODE "set(gantry_generated \"${CMAKE_BINARY_DIR}/config\")
  set(gantry_source \"${PROJECT_SOURCE_DIR}/config\")" COMPONENT host)
install(SCRIPT cmake/install_config.cmake COMPONENT host)
install(DIRECTORY data/ DESTINATION share/gantry/data COMPONENT host)
install(FILES LICENSE DESTINATION share/doc/gantry RENAME copyright COMPONENT host)
install(FILES LICENSE DESTINATION share/doc/gantry-sdk RENAME copyright COMPONENT sdk)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL sdk host)
set(CPACK_DEB_COMPONENT_INSTALL ON)
# The files stand below DESTDIR, so that what is for /usr is installed as for /usr, and some in /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "The Gantry developers <noreply@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SDK_PACKAGE_NAME gantry-sdk)
set(CPACK_DEBIAN_SDK_PACKAGE_VERSION ${GANTRY_SDK_VERSION})
set(CPACK_DEBIAN_SDK_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_SDK_PACKAGE_RECOMMENDS cmake)
set(CPACK_DEBIAN_HOST_PACKAGE_NAME gantry)
set(CPACK_DEBIAN_HOST_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_HOST_PACKAGE_SECTION net)
# An upgrade keeps the operator's edits.
set(CPACK_DEBIAN_HOST_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/conffiles)
set(CPACK_COMPONENT_SDK_DESCRIPTION "Headers, CMake package, Rust crate and templates for Gantry plugins")
set(CPACK_COMPONENT_HOST_DESCRIPTION "Host that runs trading plugins on a task graph")
include(CPack)
