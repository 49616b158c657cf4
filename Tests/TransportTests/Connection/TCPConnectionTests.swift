import Glibc
import Testing

@testable import Transport

@Suite("Connections of sockets", .timeLimit(.minutes(5))) struct TCPConnectionTests {
    /// A connection over one end of a socket pair, and the other end.
    private static func open(
        on loop: isolated EventLoop
    ) -> (connection: TCPConnection, recorder: Recorder, peer: RawSocket) {
        let (peer, descriptor) = RawSocket.pair()
        let recorder = Recorder()
        let connection = TCPConnection(descriptor, on: loop) { _ in recorder }
        return (connection, recorder, peer)
    }

    private static let long = pattern(3_000_000)

    @Test("pieces come in their order, between other sends, however little the socket takes at once")
    func pieces() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            var start = 0
            func next(_ count: Int) -> ArraySlice<UInt8> {
                defer { start += count }
                return Self.long[start..<start + count]
            }
            connection.send(Array(next(10)), on: loop)
            connection.send(pieces: [next(1), next(200_000), next(3), next(5000)], on: loop)
            // More pieces than go out at once, long and short ones.
            connection.send(pieces: (0..<40).map { next($0 % 2 == 0 ? 17 : 60_000) }, on: loop)
            connection.send(Array(next(100)), on: loop)
            connection.send(pieces: [], on: loop)
            connection.send(pieces: [next(Self.long.count - start)], on: loop)
            #expect(!connection.isWritable)
            var received: [UInt8] = []
            while received.count < Self.long.count, case .bytes(let bytes) = try await peer.receive() {
                received += bytes
            }
            #expect(received == Self.long)
            try await loop.wait { recorder.writableCount > 0 }
            #expect(connection.isDrained)
            connection.close(on: loop)
            connection.send(pieces: [Self.long[..<5]], on: loop)
        }
    }

    @Test("what the socket does not take is queued, and told when it is on its way")
    func queues() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            #expect(connection.isWritable)
            #expect(connection.isDrained)
            for start in stride(from: 0, to: Self.long.count, by: 100_000) {
                connection.send(Array(Self.long[start..<start + 100_000]), on: loop)
            }
            #expect(!connection.isWritable)
            #expect(!connection.isDrained)
            var received: [UInt8] = []
            while received.count < Self.long.count, case .bytes(let bytes) = try await peer.receive() {
                received += bytes
            }
            #expect(received == Self.long)
            try await loop.wait { recorder.writableCount > 0 }
            #expect(connection.isWritable)
            #expect(connection.isDrained)
            connection.close(on: loop)
            #expect(recorder.closedCount == 1)
        }
    }

    @Test("a pause holds the peer back, and nothing is lost by it")
    func pause() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            connection.pauseReceiving(on: loop)
            var sent = 0
            for _ in 0..<20 {
                sent += peer.send(Self.long[sent...])
                try await loop.sleep(milliseconds: 1)
            }
            #expect(sent < Self.long.count)
            #expect(recorder.received == [])
            connection.resumeReceiving(on: loop)
            while sent < Self.long.count {
                sent += peer.send(Self.long[sent...])
                try await loop.sleep(milliseconds: 1)
            }
            try await loop.wait { recorder.received.count == Self.long.count }
            #expect(recorder.received == Self.long)
            connection.close(on: loop)
        }
    }

    @Test("a protocol pauses in the middle of what it receives")
    func pauseInside() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            recorder.whenReceived = { _ in connection.pauseReceiving(on: loop) }
            try await peer.sendAll([1])
            try await loop.wait { recorder.received == [1] }
            try await peer.sendAll([2])
            try await loop.sleep(milliseconds: 10)
            #expect(recorder.received == [1])
            connection.resumeReceiving(on: loop)
            try await loop.wait { recorder.received == [1, 2] }
            recorder.whenReceived = nil
            connection.close(on: loop)
        }
    }

    @Test("a peer that ends its side still gets its answer, and sees the end of ours")
    func halfClosed() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            try await peer.sendAll([1, 2, 3])
            peer.endSending()
            try await loop.wait { recorder.hasEnded }
            #expect(recorder.received == [1, 2, 3])
            connection.send(Self.long, on: loop)
            connection.finishSending(on: loop)
            connection.finishSending(on: loop)
            connection.send([0], on: loop)
            #expect(try await peer.receiveAll() == Self.long)
            #expect(recorder.closedCount == 0)
            connection.close(on: loop)
            #expect(recorder.closedCount == 1)
        }
    }

    @Test("after its own end a connection goes on receiving")
    func ownEnd() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            connection.finishSending(on: loop)
            #expect(try await peer.receive() == .end)
            try await peer.sendAll([7])
            try await loop.wait { recorder.received == [7] }
            connection.close(on: loop)
        }
    }

    @Test("closing waits for what was sent, and receives nothing meanwhile")
    func closeWhenSent() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            connection.send(Self.long, on: loop)
            connection.closeWhenSent(on: loop)
            try await peer.sendAll([1])
            try await loop.sleep(milliseconds: 5)
            #expect(recorder.closedCount == 0)
            var received = 0
            while received < Self.long.count, case .bytes(let bytes) = try await peer.receive() {
                received += bytes.count
            }
            #expect(received == Self.long.count)
            try await loop.wait { recorder.closedCount == 1 }
            #expect(recorder.received == [])
            let (idle, other, _) = Self.open(on: loop)
            idle.closeWhenSent(on: loop)
            #expect(other.closedCount == 1)
        }
    }

    @Test("a peer that is gone ends the connection once, whatever it was doing", arguments: 0..<4)
    func gone(way: Int) async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            if way & 1 != 0 { connection.send(Self.long, on: loop) }
            if way & 2 != 0 { connection.pauseReceiving(on: loop) }
            peer.close()
            try await loop.wait { recorder.hasEnded || recorder.closedCount == 1 || way == 2 }
            connection.send([1], on: loop)
            connection.send([2], on: loop)
            try await loop.wait { recorder.closedCount == 1 }
            connection.close(on: loop)
            connection.send([1], on: loop)
            connection.finishSending(on: loop)
            connection.pauseReceiving(on: loop)
            connection.resumeReceiving(on: loop)
            connection.closeWhenSent(on: loop)
            #expect(recorder.closedCount == 1)
            #expect(!connection.isWritable)
            #expect(connection.localAddress == nil)
        }
    }

    @Test("a protocol closes in the middle of what it receives")
    func closeInside() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            recorder.whenReceived = { _ in connection.close(on: loop) }
            _ = peer.send(Self.long)
            try await loop.wait { recorder.closedCount == 1 }
            recorder.whenReceived = nil
            let (second, other, otherPeer) = Self.open(on: loop)
            other.whenEnded = { second.close(on: loop) }
            otherPeer.endSending()
            try await loop.wait { other.closedCount == 1 }
        }
    }

    @Test("a connection that is closed while it begins tells so")
    func closedAtOnce() async {
        await EventLoop.shared.run { loop in
            let (_, descriptor) = RawSocket.pair()
            let recorder = Recorder()
            TCPConnection(descriptor, on: loop) { connection in
                connection.close(on: loop)
                return recorder
            }
            #expect(recorder.closedCount == 1)
            let unusable = Recorder()
            TCPConnection(-1, on: loop) { _ in unusable }
            #expect(unusable.closedCount == 1)
        }
    }

    @Test("connections end with their loop")
    func loopStops() async throws {
        let loop = EventLoop()
        loop.start()
        let (peer, descriptor) = RawSocket.pair()
        let recorder = await loop.run { loop in
            let recorder = Recorder()
            let connection = TCPConnection(descriptor, on: loop) { _ in recorder }
            connection.send(Self.long, on: loop)
            return LoopBound(recorder, on: loop)
        }
        await loop.stop()
        #expect(await loop.run { loop in recorder.get(on: loop).closedCount } == 1)
        while case .bytes = try await peer.receive() {}
    }

    @Test("the clock of a connection moves with what it receives and sends")
    func activity() async throws {
        try await EventLoop.shared.run { loop in
            let (connection, recorder, peer) = Self.open(on: loop)
            let start = connection.lastActivity
            try await loop.sleep(milliseconds: 5)
            #expect(connection.lastActivity == start)
            try await peer.sendAll([1])
            try await loop.wait { recorder.received == [1] }
            let received = connection.lastActivity
            #expect(received > start)
            try await loop.sleep(milliseconds: 5)
            connection.send([1], on: loop)
            #expect(connection.lastActivity > received)
            connection.close(on: loop)
        }
    }
}
