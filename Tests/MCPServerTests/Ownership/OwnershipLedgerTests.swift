import Foundation
import Storage
import Testing

@testable import MCPServer

@Suite("Hand-overs: the ledger")
struct OwnershipLedgerTests {
    private static let start = Date(timeIntervalSince1970: 1_800_000_000)
    private static let day = 86_400.0

    private func row(
        _ id: Int64, server: Int64 = 1, from: Int64 = 10, to: Int64 = 20,
        _ status: ServerTransferRecord.Status = .pending, acked: Date? = nil, updated: Date = start
    ) -> ServerTransferRecord {
        ServerTransferRecord(
            id: id, serverID: server, fromUserID: from, toUserID: to, initiatorID: 1, status: status, ackedAt: acked,
            forward: .init(hash: "f\(id)", sealed: []), revert: .init(hash: "r\(id)", sealed: []),
            createdAt: Self.start, updatedAt: updated)
    }

    @Test("the new secret proves a pending hand-over, and is the agent's own from then on")
    func verified() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .proof(transfer: 1, server: 1))
        #expect(ledger.meaning(ofHash: "r1", at: Self.start) == nil)
        #expect(ledger.delivery(to: 1, at: Self.start)?.direction == .forward)
        #expect(ledger.admits(formerOwner: 10, of: 1, at: Self.start))
        #expect(!ledger.admits(formerOwner: 20, of: 1, at: Self.start))
        ledger.verified(row(1, .verified, acked: Self.start))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .lasting(server: 1))
        #expect(!ledger.admits(formerOwner: 10, of: 1, at: Self.start), "dead at once")
        #expect(ledger.delivery(to: 1, at: Self.start) == nil)
    }

    @Test("an agent that took the new secret before it was undone is let in and sent back, for a day")
    func wayBack() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        ledger.reverted(row(1, .cancelled))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .undone(server: 1))
        #expect(ledger.meaning(ofHash: "r1", at: Self.start) == .returned(transfer: 1, server: 1))
        #expect(ledger.delivery(to: 1, at: Self.start)?.secret.hash == "r1")
        let last = Self.start.addingTimeInterval(Self.day - 1)
        let late = Self.start.addingTimeInterval(Self.day)
        #expect(ledger.meaning(ofHash: "f1", at: last) == .undone(server: 1))
        #expect(ledger.meaning(ofHash: "f1", at: late) == nil)
        #expect(ledger.delivery(to: 1, at: late) == nil)
        ledger.returned(transfer: 1, server: 1)
        #expect(ledger.meaning(ofHash: "r1", at: late) == .lasting(server: 1))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == nil)
        #expect(ledger.delivery(to: 1, at: Self.start) == nil)
    }

    @Test("a new hand-over keeps the former way back open, but sends its own secret")
    func retry() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        ledger.reverted(row(1, .failed))
        ledger.began(row(2))
        #expect(ledger.delivery(to: 1, at: Self.start)?.secret.hash == "f2")
        #expect(ledger.meaning(ofHash: "r1", at: Self.start) == .returned(transfer: 1, server: 1))
        // One of an older id harms nothing newer.
        ledger.forget(row(1))
        #expect(ledger.pendingTransfer(of: 1)?.id == 2)
    }

    @Test("a chained hand-over keeps the secret of the one before until it is proven")
    func chained() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        ledger.verified(row(1, .verified, acked: Self.start))
        ledger.began(row(2, from: 20, to: 30))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .lasting(server: 1))
        ledger.verified(row(2, from: 20, to: 30, .verified, acked: Self.start))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == nil)
        #expect(ledger.meaning(ofHash: "f2", at: Self.start) == .lasting(server: 1))
    }

    @Test("overdue means a day after it was begun")
    func overdue() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        #expect(ledger.overdue(at: Self.start.addingTimeInterval(Self.day - 1)).isEmpty)
        #expect(ledger.overdue(at: Self.start.addingTimeInterval(Self.day)).map(\.id) == [1])
    }

    @Test("after a restart the same counts as before")
    func restart() {
        let rows = [
            row(1, server: 1, .verified, acked: Self.start),
            row(2, server: 1, from: 20, to: 30),
            row(3, server: 2, .failed),
            row(4, server: 3, .cancelled, acked: Self.start),
            row(5, server: 4, .verified, acked: Self.start),
            row(6, server: 9, .verified, acked: Self.start),
            row(7, server: 5, .failed),
        ]
        let ledger = OwnershipLedger(rows, owners: [1: 30, 2: 10, 3: 10, 4: 99, 5: 77])
        #expect(ledger.pendingTransfers.map(\.id) == [2])
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .lasting(server: 1), "until the chained one is proven")
        #expect(ledger.meaning(ofHash: "f2", at: Self.start) == .proof(transfer: 2, server: 1))
        #expect(ledger.meaning(ofHash: "r3", at: Self.start) == .returned(transfer: 3, server: 2))
        #expect(ledger.meaning(ofHash: "r4", at: Self.start) == .lasting(server: 3))
        #expect(ledger.delivery(to: 3, at: Self.start) == nil, "acknowledged")
        #expect(ledger.meaning(ofHash: "f5", at: Self.start) == nil, "the owner is another one since")
        #expect(ledger.meaning(ofHash: "f6", at: Self.start) == .retired, "its server is gone")
        #expect(ledger.delivery(to: 5, at: Self.start) == nil, "the owner is another one since")
    }

    @Test("of several acknowledgements the newest row's secret counts")
    func newest() {
        let rows = [row(1, .verified, acked: Self.start), row(2, from: 20, to: 30, .failed, acked: Self.start)]
        let ledger = OwnershipLedger(rows, owners: [1: 20])
        #expect(ledger.meaning(ofHash: "r2", at: Self.start) == .lasting(server: 1))
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == nil)
    }

    @Test("secrets of a deleted server are known as such, so that its agent is no guesser")
    func removed() {
        var ledger = OwnershipLedger()
        ledger.began(row(1))
        ledger.removed(server: 1)
        #expect(ledger.meaning(ofHash: "f1", at: Self.start) == .retired)
        #expect(ledger.pendingTransfers.isEmpty)
    }
}
