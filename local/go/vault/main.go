// Command vault is Vault without its user interface and with only those plugins that the platform uses. Vault's own command
// with all of them takes many times as long to compile; commands, configuration and API are the same.
package main

import (
	"os"
	"reflect"
	"unsafe"

	databaseRedis "github.com/hashicorp/vault-plugin-database-redis"
	"github.com/hashicorp/vault/command"
	"github.com/hashicorp/vault/helper/builtinplugins"
	databasePostgres "github.com/hashicorp/vault/plugins/database/postgresql"
)

func main() {
	addDatabase("postgresql-database-plugin", databasePostgres.New)
	addDatabase("redis-database-plugin", databaseRedis.New)
	os.Exit(command.Run(os.Args[1:]))
}

// addDatabase adds a plugin to Vault's registry, which the build tag `minimal` leaves without any for databases, and which
// has no method for that.
func addDatabase(name string, factory builtinplugins.BuiltinFactory) {
	plugins := reflect.ValueOf(builtinplugins.Registry).Elem().FieldByName("databasePlugins")
	plugins = reflect.NewAt(plugins.Type(), unsafe.Pointer(plugins.UnsafeAddr())).Elem()
	plugin := reflect.New(plugins.Type().Elem()).Elem()
	plugin.FieldByName("Factory").Set(reflect.ValueOf(factory))
	plugins.SetMapIndex(reflect.ValueOf(name), plugin)
}
