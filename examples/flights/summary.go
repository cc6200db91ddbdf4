package main

func summary(out string) { _ = out }
