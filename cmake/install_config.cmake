# Puts the configuration where an operator looks for it: etc/gantry of the prefix, or /etc/gantry
# where the prefix is /usr. A file that is there may hold edits, and is left alone.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(folder /etc/gantry)
  set(kind usr)
else()
  set(folder ${CMAKE_INSTALL_PREFIX}/etc/gantry)
  set(kind prefix)
endif()
foreach(name IN ITEMS gantry.toml dex_config.toml strategies.toml
        live/gantry.toml live/dex_config.toml live/strategies.toml)
  set(file ${gantry_source}/${name})
  if(EXISTS ${gantry_generated}/${kind}/${name})
    set(file ${gantry_generated}/${kind}/${name})
  endif()
  if(EXISTS $ENV{DESTDIR}${folder}/${name})
    message(STATUS "Kept: $ENV{DESTDIR}${folder}/${name}")
  else()
    get_filename_component(place ${folder}/${name} DIRECTORY)
    file(INSTALL ${file} DESTINATION ${place}
         PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
endforeach()
