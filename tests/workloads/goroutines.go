// A thousand goroutines: each gets a number a round, must find it one higher than the last, grows and shrinks its stack, allocates,
// and answers. The rounds are counted in the log, as workload.h says.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const many = 1000

func deep(n int) int {
	var pad [64]byte
	pad[n%64] = 1
	if n == 0 {
		return 0
	}
	return deep(n-1) + int(pad[n%64])
}

func fail(format string, args ...any) {
	fmt.Printf("FAIL "+format+"\n", args...)
	os.Exit(98)
}

func work(ask <-chan int, answer chan<- int) {
	last := 0
	for n := range ask {
		if n != last+1 || deep(n%200) != n%200 {
			fail("goroutine got %d after %d", n, last)
		}
		last = n
		for _, b := range make([]byte, 2000) {
			if b != 0 {
				fail("new memory is not zero")
			}
		}
		answer <- n
	}
	answer <- -1
}

func main() {
	var asks [many]chan int
	answer := make(chan int, 10)
	for i := range asks {
		asks[i] = make(chan int, i%2)
		go work(asks[i], answer)
	}
	fmt.Println("ready")
	for n := 1; ; n++ {
		for i := range asks {
			go func(ask chan int, n int) { ask <- n }(asks[i], n)
		}
		for range asks {
			if got := <-answer; got != n {
				fail("answer %d in round %d", got, n)
			}
		}
		fmt.Printf("round %d\n", n)
		if n%20 == 0 {
			runtime.GC()
		}
		time.Sleep(5 * time.Millisecond)
		if _, err := os.Stat("finish"); err == nil {
			break
		}
	}
	for i := range asks {
		close(asks[i])
	}
	for range asks {
		if <-answer != -1 {
			fail("a goroutine did not end")
		}
	}
	fmt.Println("done")
}
