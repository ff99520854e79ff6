-- What came for :sid, or for the ref of that name, before its row.
SELECT count(*) FROM early_status WHERE sid = :sid OR ref = :sid;
