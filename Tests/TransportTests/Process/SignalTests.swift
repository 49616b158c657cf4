import Glibc
import Testing

@testable import Transport

@Suite("Signals", .timeLimit(.minutes(5))) struct SignalTests {
    @Test("signals are told in turn, and those that nobody waits for do not end the process")
    func caught() async throws {
        let loop = EventLoop()
        loop.start()
        let signals = await Signals.catching([SIGUSR1, SIGUSR2], on: loop)
        kill(getpid(), SIGUSR1)
        var iterator = signals.makeAsyncIterator()
        #expect(await iterator.next() == SIGUSR1)
        kill(getpid(), SIGUSR2)
        #expect(await iterator.next() == SIGUSR2)
        for _ in 0..<50 { kill(getpid(), SIGUSR1) }
        #expect(await iterator.next() == SIGUSR1)
        await loop.stop()
    }

    @Test("a broken pipe is an error and no end of the process")
    func brokenPipe() async throws {
        try await EventLoop.shared.run { loop in
            let (peer, descriptor) = RawSocket.pair()
            let recorder = Recorder()
            let connection = TCPConnection(descriptor, on: loop) { _ in recorder }
            peer.close()
            for _ in 0..<10 { connection.send([1], on: loop) }
            try await loop.wait { recorder.closedCount == 1 || recorder.hasEnded }
            connection.close(on: loop)
        }
    }
}
