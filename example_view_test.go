package leat_test

import (
	"context"
	"fmt"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
)

// A program that runs a job can look into its state: here the balances of accounts, as of the checkpoint that the job ended with.
func ExampleRunning_View() {
	job := leat.NewJob("balances")
	job.Checkpoint.Store = "mem:balances"
	job.From("payments", mem.From(txns...)).
		KeyBy(Txn.AccountID).
		Process("account", func(op *leat.Operator[string, Txn]) func(Txn) error {
			balance := op.Value[int64]("balance")
			merchants := op.Map[string, int]("merchants")
			return func(tx Txn) error {
				balance.Set(balance.Get() + tx.Cents)
				merchants.Set(tx.Merchant, merchants.Get(tx.Merchant)+1)
				return nil
			}
		}).
		To("out", file.Discard)

	ctx := context.Background()
	running, err := job.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := running.Wait(); err != nil { // a program that goes on reads while the job runs
		fmt.Println(err)
		return
	}
	balances := running.View[string, int64]("account", "balance")
	if cents, ok, err := balances.Get(ctx, "bob"); err == nil && ok {
		fmt.Println("bob has spent", cents)
	}
	all, err := balances.GetAll(ctx, "ada", "bob", "cleo")
	fmt.Println(all, err)
	merchants, _, err := running.View[string, map[string]int]("account", "merchants").Get(ctx, "ada")
	fmt.Println(merchants, err)
	times, _, err := running.ItemView[string, string, int]("account", "merchants").Get(ctx, "ada", "books")
	fmt.Println(times, err)
	// Output:
	// bob has spent 72000
	// map[ada:94550 bob:72000] <nil>
	// map[books:3 jewels:1] <nil>
	// 3 <nil>
}
